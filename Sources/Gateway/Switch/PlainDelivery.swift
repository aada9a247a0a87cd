import MartletCompression
import MartletWire
import NIOCore

/// Between the link and one client that did not name every codec in its `HELLO`: payloads that it could not read
/// are inflated here, and everything else passes as it came.
///
/// What comes behind a message that is being unpacked waits for it, so that the order stays; and the next payload
/// is inflated only when the client has taken most of what came before, so that a small message that becomes a
/// large one takes no more memory than a client that is slow otherwise. Runs on the client's event loop: a
/// gateway that inflates the largest payloads for many clients is better given to clients that can do it.
final class PlainDelivery {
    /// What it needs of its surroundings.
    struct Surroundings {
        /// Finds a dictionary; `later` is called when one that was not there has come, or can't be had.
        var dictionary: (UInt32, _ later: @escaping () -> Void) -> LinkDictionaries.Found
        /// Whether the client takes what it gets.
        var hasRoom: () -> Bool
        /// Sends frames to the client.
        var send: (ByteBuffer) -> Void
        /// The most bytes that a payload may have before compression.
        var payloadBytesMax: Int
    }

    private enum Item {
        /// Frames that pass as they are.
        case frames(ByteBuffer)
        /// Deliveries, of which the first `done` have been sent.
        case jobs(Jobs, requestID: UInt64, done: Int)
        case job(JobInfo, requestID: UInt64)
    }

    /// A message of deliveries is ended once it has this much.
    private static let messageBytesAim = 1 << 20

    private let understood: Hello.Codecs
    private let surroundings: Surroundings
    private let zstd = Zstd()
    private var assembler = MessageAssembler()
    private var queue = CircularBuffer<Item>()
    /// For a dictionary.
    private var isWaiting = false
    private var isAdvancing = false

    init(_ understood: Hello.Codecs, _ surroundings: Surroundings) {
        self.understood = understood
        self.surroundings = surroundings
    }

    /// Takes a frame that came for the client, unless it can pass as it is.
    ///
    /// - Returns: whether it was taken.
    /// - Throws: when it is not what the protocol allows.
    func takes(_ step: FrameWalk.Step, of frames: ByteBuffer) throws -> Bool {
        let isPassing = queue.isEmpty && !assembler.isAssembling
        let opcode = Opcode(rawValue: step.header.opcode)
        if isPassing, opcode != .job, opcode != .jobs || reads(step, of: frames) { return false }
        try take(step, opcode, of: frames)
        return true
    }

    /// Whether the client can read all payloads of these deliveries: looked up without taking them apart, since
    /// mostly it can.
    private func reads(_ step: FrameWalk.Step, of frames: ByteBuffer) -> Bool {
        guard !step.header.flags.contains(.more) else { return false }
        do {
            return try step.body(in: frames).withReader { (reader) throws(WireError) in
                try reader.allCodecs { understood.reads($0) }
            }
        } catch {
            return false
        }
    }

    private func take(
        _ step: FrameWalk.Step, _ opcode: Opcode?, of frames: ByteBuffer
    ) throws {
        switch opcode {
        case .jobs, .job:
            let frame = Frame(header: step.header, body: step.body(in: frames))
            switch try assembler.accept(frame) {
            case .message(let message): queue.append(try Self.item(of: message))
            case .incomplete: break
            case .refused(let error, _): throw error
            }
        default:
            var passing = ByteBuffer()
            passing.appendFrame(step, of: frames, channel: 0)
            queue.append(.frames(passing))
        }
        advance()
    }

    private static func item(of message: Frame) throws(WireError) -> Item {
        let requestID = message.header.requestID
        if message.header.opcode == Opcode.job.rawValue {
            return .job(try JobInfo(body: message.body), requestID: requestID)
        }
        return .jobs(try Jobs(body: message.body), requestID: requestID, done: 0)
    }

    /// Goes on with what waits, as far as there is room. To be called when there may be more.
    func advance() {
        guard !isAdvancing else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        while !isWaiting, surroundings.hasRoom(), let item = queue.first {
            switch item {
            case .frames(let frames):
                queue.removeFirst()
                surroundings.send(frames)
            case .job(let job, let requestID):
                guard let plain = plain(job) else { return }
                queue.removeFirst()
                send(plain, requestID)
            case .jobs(let jobs, let requestID, let done):
                goOn(jobs, requestID, done)
            }
        }
    }

    // MARK: Messages

    /// Sends the next deliveries, as many as are enough for a message.
    private func goOn(_ jobs: Jobs, _ requestID: UInt64, _ done: Int) {
        var part = jobs
        part.deliveries = []
        var bytes = 0
        while done + part.deliveries.count < jobs.deliveries.count, bytes < Self.messageBytesAim {
            var delivery = jobs.deliveries[done + part.deliveries.count]
            guard let payload = plain(delivery.payload) else { break }
            delivery.payload = payload
            bytes += payload.bytes.readableBytes
            part.deliveries.append(delivery)
        }
        let end = done + part.deliveries.count
        if end == jobs.deliveries.count {
            queue.removeFirst()
        } else {
            queue[queue.startIndex] = .jobs(jobs, requestID: requestID, done: end)
        }
        if !part.deliveries.isEmpty { send(part, requestID) }
    }

    private func plain(_ job: JobInfo) -> JobInfo? {
        var job = job
        if let payload = job.payload {
            guard let plain = plain(payload) else { return nil }
            job.payload = plain
        }
        if let result = job.result {
            guard let plain = plain(result) else { return nil }
            job.result = plain
        }
        return job
    }

    private func send(_ message: some Message, _ requestID: UInt64) {
        var frames = ByteBuffer()
        frames.write(message, requestID: requestID)
        surroundings.send(frames)
    }

    // MARK: Payloads

    /// A payload as the client can read it. One that can't be inflated stays as it is: the client finds the same
    /// fault, and answers for it.
    ///
    /// - Returns: nil when its dictionary has to come first.
    private func plain(_ payload: Payload) -> Payload? {
        guard !understood.reads(payload.codec), payload.isIntact else { return payload }
        guard payload.dictionary != 0 else { return inflated(payload, with: nil) }
        let found = surroundings.dictionary(payload.dictionary) { [weak self] in
            self?.isWaiting = false
            self?.advance()
        }
        switch found {
        case .dictionary(let dictionary): return inflated(payload, with: dictionary)
        case .lost: return payload
        case .later:
            isWaiting = true
            return nil
        }
    }

    private func inflated(_ payload: Payload, with dictionary: ZstdDictionary?) -> Payload {
        do {
            let raw = try zstd.inflate(
                payload.bytes.readableBytesSpan, rawBytes: Int(payload.rawBytes),
                limit: surroundings.payloadBytesMax, with: dictionary)
            return .plain(ByteBuffer(bytes: raw))
        } catch {
            return payload
        }
    }
}

extension WireReader {
    /// Whether all payloads of a `JOBS` have codecs that fit.
    fileprivate mutating func allCodecs(_ fit: (Codec) -> Bool) throws(WireError) -> Bool {
        _ = (try u32(), try u64(), try u32())
        for _ in 0..<(try u16()) { _ = try bytes8() }
        for _ in 0..<(try u16()) {
            _ = try bytes(DeliveryFields.byteCount)
            guard fit(try payload().codec) else { return false }
            _ = try bytes32()
        }
        return true
    }
}

extension Hello.Codecs {
    func reads(_ codec: Codec) -> Bool {
        switch codec {
        case .plain: true
        case .zstd: contains(.zstd)
        case .zstdDictionary: contains(.dictionaries)
        default: true
        }
    }
}
