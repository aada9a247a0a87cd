/// The messages that these tests need, as PROTOCOL.md describes them.
extension RawConnection {
    struct Session: Sendable {
        let id: UInt64
        let secret: UInt64
        let isResumed: Bool
    }

    struct Delivery: Sendable {
        let id: UInt64
        let token: UInt64
        let payload: [UInt8]
    }

    enum Outcome: UInt8, Sendable {
        case complete = 1
        case fail = 2
        case release = 3
    }

    struct ErrorReply: Error, Sendable {
        let code: UInt16
        let closes: Bool
        let message: String
    }

    /// Preface, HELLO, WELCOME.
    func hello(
        token: String = "", resuming session: Session? = nil
    ) throws -> Session {
        var body = RawWriter()
        body.text8("martlet-integration-tests")
        body.text16(token)
        body.put(session?.id ?? 0)
        body.put(session?.secret ?? 0)
        body.put(UInt8(1))
        body.put(UInt8(0))
        try sendRaw(Self.preface)
        var reader = RawReader(try request(0x01, body.bytes, answer: 0x81))
        _ = try reader.get(UInt16.self)
        let id = try reader.get(UInt64.self)
        let secret = try reader.get(UInt64.self)
        return Session(id: id, secret: secret, isResumed: try reader.get(UInt8.self) == 1)
    }

    /// Sends a request and reads until its reply comes; drops what else does.
    func request(_ opcode: UInt8, _ body: [UInt8], answer: UInt8) throws -> [UInt8] {
        let id = nextRequestID()
        try sendFrame(opcode, id, body)
        while true {
            let frame = try readFrame()
            guard frame.requestID == id, frame.opcode < 0xa0 || frame.opcode >= 0xb0,
                frame.opcode != 0xd0
            else { continue }
            if frame.opcode == answer { return frame.body }
            throw try Self.error(in: frame)
        }
    }

    static func error(in frame: Frame) throws -> ErrorReply {
        guard frame.opcode == 0xff else {
            throw TestFailure("got opcode \(frame.opcode), not ERROR")
        }
        var reader = RawReader(frame.body)
        let code = try reader.get(UInt16.self)
        let flags = try reader.get(UInt8.self)
        _ = try reader.take(4 + 8 + 8)
        return ErrorReply(code: code, closes: flags & 2 != 0, message: try reader.text16())
    }

    /// The body of a SUBMIT. Options of every job: max_attempts 1000, backoff 1 to 5 ms, and
    /// `retainCompleted`.
    static func submit(
        queue: String, producer: UInt64, sequence: UInt64, floor: UInt64, payloads: [[UInt8]],
        retainCompleted: UInt64 = 3_600_000, isInMemory: Bool = false
    ) -> [UInt8] {
        var body = RawWriter()
        body.text8(queue)
        body.text8("test")
        body.put(producer)
        body.put(sequence)
        body.put(floor)
        body.put(UInt8(isInMemory ? 1 : 2))
        body.put(UInt8(0))
        body.put(UInt16(payloads.count))
        for payload in payloads {
            body.payload(payload)
            body.put(UInt16(0))
        }
        body.put(UInt16(1))
        body.put(UInt32(2))
        body.put(UInt16(1000))
        body.put(UInt16(2))
        body.put(UInt32(12))
        body.put(UInt8(2))
        body.put(UInt8(1))
        body.put(UInt16(200))
        body.put(UInt32(1))
        body.put(UInt32(5))
        body.put(UInt16(3))
        body.put(UInt32(8))
        body.put(retainCompleted)
        return body.bytes
    }

    /// The ids in a SUBMITTED.
    /// - Throws: the first item's error.
    static func ids(in body: [UInt8]) throws -> [UInt64] {
        var reader = RawReader(body)
        _ = try reader.take(4)
        var ids: [UInt64] = []
        for _ in 0..<(try reader.get(UInt16.self)) {
            let items = try reader.get(UInt16.self)
            let code = try reader.get(UInt16.self)
            guard code == 0 else { throw try errorBody(code, &reader) }
            let first = try reader.get(UInt64.self)
            ids += (0..<UInt64(items)).map { first + $0 }
        }
        return ids
    }

    private static func errorBody(_ code: UInt16, _ reader: inout RawReader) throws -> ErrorReply {
        _ = try reader.take(1 + 4 + 8 + 8)
        return ErrorReply(code: code, closes: false, message: try reader.text16())
    }

    func submit(_ payloads: [[UInt8]], to queue: String, retainCompleted: UInt64 = 3_600_000) throws
        -> [UInt64]
    {
        let body = Self.submit(
            queue: queue, producer: 0, sequence: 0, floor: 0, payloads: payloads,
            retainCompleted: retainCompleted)
        return try Self.ids(in: try request(0x10, body, answer: 0x90))
    }

    func subscribe(to queue: String, credit: UInt32, lease: UInt32 = 0) throws {
        var body = RawWriter()
        body.put(UInt32(1))
        body.text8(queue)
        body.put(credit)
        body.put(UInt32(64 << 20))
        body.put(lease)
        // Deliveries may come before the reply: whoever subscribes reads both.
        try sendFrame(0x20, nextRequestID(), body.bytes)
    }

    static func deliveries(in frame: Frame) throws -> [Delivery] {
        var reader = RawReader(frame.body)
        _ = try reader.get(UInt32.self)
        let token = try reader.get(UInt64.self)
        _ = try reader.get(UInt32.self)
        for _ in 0..<(try reader.get(UInt16.self)) { _ = try reader.text8() }
        var deliveries: [Delivery] = []
        for _ in 0..<(try reader.get(UInt16.self)) {
            let id = try reader.get(UInt64.self)
            _ = try reader.take(2 * 5 + 8)
            let payload = try reader.payload()
            _ = try reader.take(Int(try reader.get(UInt32.self)))
            deliveries.append(Delivery(id: id, token: token, payload: payload))
        }
        return deliveries
    }

    /// The next deliveries; drops what else comes before them.
    func nextDeliveries() throws -> [Delivery] {
        while true {
            let frame = try readFrame()
            if frame.opcode == 0xa0 { return try Self.deliveries(in: frame) }
            if frame.opcode == 0xff { throw try Self.error(in: frame) }
        }
    }

    static func settle(_ items: [(Outcome, id: UInt64, token: UInt64)]) -> [UInt8] {
        var body = RawWriter()
        body.put(UInt16(items.count))
        for (outcome, id, token) in items {
            var detail = RawWriter()
            if outcome == .fail { detail.text16("as the test wants it") }
            body.put(outcome.rawValue)
            body.put(id)
            body.put(token)
            body.put(UInt32(detail.bytes.count))
            body.raw(detail.bytes)
        }
        return body.bytes
    }

    /// The error code of each item in a SETTLED; 0: done.
    static func codes(in body: [UInt8]) throws -> [UInt16] {
        var reader = RawReader(body)
        _ = try reader.get(UInt16.self)
        var codes: [UInt16] = []
        for _ in 0..<(try reader.get(UInt16.self)) {
            let items = try reader.get(UInt16.self)
            let code = try reader.get(UInt16.self)
            if code != 0 { _ = try errorBody(code, &reader) }
            codes += [UInt16](repeating: code, count: Int(items))
        }
        return codes
    }

    func settle(_ outcome: Outcome, id: UInt64, token: UInt64) throws -> UInt16 {
        let reply = try request(0x30, Self.settle([(outcome, id: id, token: token)]), answer: 0xb0)
        return try Self.codes(in: reply)[0]
    }

    /// State and attempts of a job: the fields of JOB that these tests look at.
    func job(_ id: UInt64) throws -> (state: UInt8, attempts: UInt16) {
        var body = RawWriter()
        body.put(id)
        body.put(UInt8(0))
        var reader = RawReader(try request(0x40, body.bytes, answer: 0xc0))
        _ = try reader.get(UInt64.self)
        return (try reader.get(UInt8.self), try reader.get(UInt16.self))
    }

    struct QueueCounts: Equatable, Sendable {
        var ready: UInt64
        var running: UInt64
        var scheduled: UInt64
        var held: UInt64
        var dead: UInt64
        var completed: UInt64
    }

    func counts(of queue: String) throws -> QueueCounts {
        var body = RawWriter()
        body.text8(queue)
        body.put(UInt8(0))
        var reader = RawReader(try request(0x43, body.bytes, answer: 0xc3))
        _ = try reader.get(UInt16.self)
        _ = try reader.get(UInt32.self)
        _ = try reader.text8()
        return QueueCounts(
            ready: try reader.get(), running: try reader.get(), scheduled: try reader.get(),
            held: try reader.get(), dead: try reader.get(), completed: try reader.get())
    }
}
