/// Submits numbered jobs, and after a crash sends again what had no answer, as PROTOCOL.md tells a
/// client to.
///
/// `@unchecked Sendable`: used by one thread at a time, that of the round.
final class KillProducer: @unchecked Sendable {
    private let ledger: JobLedger
    private let queue: String
    private let producer: UInt64
    private var random: SeededRandom
    private var nextNumber: UInt64
    private var nextSequence: UInt64 = 1
    private var unanswered: [(sequence: UInt64, numbers: [UInt64])] = []

    init(_ index: UInt64, queue: String, ledger: JobLedger, seed: UInt64) {
        self.ledger = ledger
        self.queue = queue
        producer = index
        nextNumber = index << 32
        random = SeededRandom(seed: seed &+ index)
    }

    /// Submits until the connection breaks.
    func run(port: UInt16) {
        do {
            let connection = try RawConnection(port: port)
            _ = try connection.hello()
            for request in unanswered { try send(request, on: connection) }
            while true {
                while unanswered.count < 4 { try sendNew(on: connection) }
                try receive(from: connection)
            }
        } catch {
            // The broker was killed: what has no answer stays.
        }
    }

    /// Sends what is left and waits for all answers.
    func finish(port: UInt16) throws {
        let connection = try RawConnection(port: port)
        _ = try connection.hello()
        for request in unanswered { try send(request, on: connection) }
        while !unanswered.isEmpty { try receive(from: connection) }
    }

    private func sendNew(on connection: RawConnection) throws {
        let count = UInt64.random(in: 1...8, using: &random)
        let request = (nextSequence, (0..<count).map { nextNumber + $0 })
        nextSequence += 1
        nextNumber += count
        unanswered.append(request)
        try send(request, on: connection)
    }

    /// The request's id is its sequence number, so that an answer names it.
    private func send(
        _ request: (sequence: UInt64, numbers: [UInt64]), on connection: RawConnection
    ) throws {
        let payloads = request.numbers.map { number in
            var writer = RawWriter()
            writer.put(number)
            return writer.bytes + [UInt8](repeating: 0x2e, count: Int(number % 300))
        }
        let body = RawConnection.submit(
            queue: queue, producer: producer, sequence: request.sequence,
            floor: unanswered.first?.sequence ?? request.sequence, payloads: payloads)
        try connection.sendFrame(0x10, request.sequence + 1_000_000, body)
    }

    private func receive(from connection: RawConnection) throws {
        let frame = try connection.readFrame()
        guard frame.requestID > 1_000_000,
            let index = unanswered.firstIndex(where: { $0.sequence == frame.requestID - 1_000_000 })
        else { return }
        guard frame.opcode == 0x90 else { throw try RawConnection.error(in: frame) }
        let ids = try RawConnection.ids(in: frame.body)
        for (id, number) in zip(ids, unanswered[index].numbers) {
            ledger.acknowledged(id: id, number: number)
        }
        unanswered.remove(at: index)
    }
}

/// A generator that one printed number starts again.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
