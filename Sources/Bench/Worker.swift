import MartletWire
import NIOCore

/// Takes whatever is delivered, looks at every byte of it, and completes it: one `SETTLE` for each `JOBS`.
struct Worker: LoadRole {
    private let plan: LoadPlan
    private var carrier: PayloadCarrier
    /// Settlements without an answer.
    private var requests = RequestSlots<Settling>()
    /// Jobs delivered one after the other that were sent at the same instant, for they are counted at once.
    private var alike = (sentAt: UInt64(0), count: 0)

    private struct Settling {
        var count: Int
        var deliveredAt: UInt64
    }

    /// Unsettled payload bytes: more than any credit of small jobs, so that the number of jobs decides.
    private static let creditBytes: UInt32 = 64 << 20

    /// Greater than any slot's.
    private static let subscribeID: UInt64 = 1 << 32
    private static let holdingID: UInt64 = 1 << 32 + 1

    init(plan: LoadPlan, carrier: PayloadCarrier) {
        self.plan = plan
        self.carrier = carrier
    }

    var wakeAt: UInt64? { nil }

    mutating func wake(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {}

    mutating func begin(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        subscribe(to: &out)
    }

    private func subscribe(to out: inout ByteBuffer) {
        let subscribe = Subscribe(
            subscription: 1, queue: plan.queue, creditJobs: UInt32(plan.credit),
            creditBytes: Worker.creditBytes)
        out.write(subscribe, requestID: Worker.subscribeID)
    }

    /// Says what is held: all that was settled without an answer. What else the server believes to have delivered
    /// never came, and it gives that back.
    mutating func resume(isResumed: Bool, to out: inout ByteBuffer) {
        let frames = requests.frames
        if isResumed {
            for frame in frames {
                out.write(
                    Holding(isComplete: false, runs: Worker.runs(of: frame)),
                    requestID: Worker.holdingID)
            }
            out.write(Holding(isComplete: true, runs: []), requestID: Worker.holdingID)
        }
        for frame in frames { out.writeBytes(frame) }
        subscribe(to: &out)
    }

    /// The jobs that a `SETTLE` names.
    private static func runs(of frame: [UInt8]) -> [Holding.Run] {
        var bytes = ByteBuffer(bytes: frame)
        guard let body = bytes.readFrame()?.body, let settle = try? Settle(body: body) else {
            preconditionFailure("a frame that was written here is a SETTLE")
        }
        return settle.items.map { Holding.Run(token: $0.token, first: $0.id, jobs: 1) }
    }

    mutating func receive(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) throws {
        switch frame.header.opcode {
        case Opcode.jobs.rawValue: try complete(frame.body, at: now, &progress, to: &out)
        case Opcode.settled.rawValue where frame.header.requestID == Worker.holdingID: break
        case Opcode.settled.rawValue: try settled(frame, at: now, &progress)
        case Opcode.done.rawValue where frame.header.requestID == Worker.subscribeID: break
        default: throw BenchError.unexpected(frame)
        }
    }

    private mutating func complete(
        _ jobs: ByteBuffer, at now: UInt64, _ progress: inout LoadProgress,
        to out: inout ByteBuffer
    ) throws {
        try jobs.withReader { (reader) throws(WireError) in
            _ = try reader.u32()
            let token = try reader.u64()
            _ = try reader.u32()
            for _ in 0..<(try reader.u16()) { _ = try reader.bytes8() }
            var left = Int(try reader.u16())
            while left > 0 {
                let count = min(left, Limits.batchMax)
                left -= count
                try settle(count, of: &reader, token, at: now, &progress, to: &out)
            }
            count(&progress, at: now)
        }
    }

    /// Completes the next deliveries with one request.
    private mutating func settle(
        _ count: Int, of reader: inout WireReader, _ token: UInt64, at now: UInt64,
        _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) throws(WireError) {
        progress.settling()
        let id = requests.open(Settling(count: count, deliveredAt: now))
        let start = out.beginFrame(.settle, requestID: id, channel: 0)
        out.writeLittle(UInt16(count))
        for _ in 0..<count {
            let job = try delivery(from: &reader, at: now, &progress)
            out.writeMultipleIntegers(
                Outcome.complete.rawValue, job, token, UInt32(0), endianness: .little)
        }
        out.endFrame(at: start)
        if plan.survivesKill {
            let frame = out.getBytes(at: start, length: out.writerIndex - start)
            requests.keep(frame ?? [], for: id)
        }
    }

    /// Enters one delivery in the ledger; returns the job's id.
    private mutating func delivery(
        from reader: inout WireReader, at now: UInt64, _ progress: inout LoadProgress
    ) throws(WireError) -> UInt64 {
        let fields = try DeliveryFields(from: &reader)
        let payload = try reader.payload()
        _ = try reader.bytes32()
        if let stamp = carrier.read(payload) {
            progress.delivered(stamp.index)
            if stamp.sentAt != alike.sentAt { count(&progress, at: now) }
            alike = (stamp.sentAt, alike.count + 1)
        } else {
            progress.damaged()
        }
        return fields.id.rawValue
    }

    private mutating func count(_ progress: inout LoadProgress, at now: UInt64) {
        if alike.count > 0 {
            progress.delivered(sentAt: alike.sentAt, count: alike.count, at: now)
        }
        alike.count = 0
    }

    private mutating func settled(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress
    ) throws {
        guard let settling = requests.close(frame.header.requestID) else {
            throw BenchError.unexpected(frame)
        }
        let (count, runs, first) = try frame.body.withReader { (reader) throws(WireError) in
            let (count, runs, _) = (try reader.u16(), try reader.u16(), try reader.u16())
            return (Int(count), Int(runs), try reader.u16())
        }
        guard count == settling.count else {
            throw BenchError.misbehaved("\(settling.count) settlements were answered with \(count)")
        }
        if runs != 1 || first != 0 { try checkRuns(Settled(body: frame.body)) }
        progress.settled(count, deliveredAt: settling.deliveredAt, at: now)
    }

    /// A lost lease is no failure of the run: the job comes again, and is counted as delivered twice.
    private func checkRuns(_ settled: Settled) throws {
        for case let error? in settled.runs.map(\.error) where error.code != .leaseLost {
            throw BenchError.refused(error.code, message: error.message)
        }
    }
}
