import MartletWire
import NIOCore

/// Takes whatever is delivered, looks at every byte of it, and completes it: one `SETTLE` for each `JOBS`.
struct Worker: LoadRole {
    private let queue: String
    private let credit: Int
    /// What a delivery must look like.
    private let payload: JobPayload
    private var expected = ByteBuffer()
    /// Settlements without an answer; a request's id is its slot's number and 1.
    private var slots: [Settling?] = []
    private var freeSlots: [Int] = []

    private struct Settling {
        var count: Int
        var deliveredAt: UInt64
    }

    /// Unsettled payload bytes: more than any credit of small jobs, so that the number of jobs decides.
    private static let creditBytes: UInt32 = 64 << 20

    /// Of this many jobs one is compared byte by byte, the others by checksum.
    private static let comparedEvery = 64

    /// Greater than any slot's.
    private static let subscribeID: UInt64 = 1 << 32

    init(plan: LoadPlan, options: BenchOptions) {
        queue = plan.queue
        credit = options.credit
        payload = JobPayload(byteCount: options.payloadBytes)
    }

    mutating func begin(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        let subscribe = Subscribe(
            subscription: 1, queue: queue, creditJobs: UInt32(credit),
            creditBytes: Worker.creditBytes)
        out.write(subscribe, requestID: Worker.subscribeID)
    }

    mutating func receive(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) throws {
        switch frame.header.opcode {
        case Opcode.jobs.rawValue: try complete(frame.body, at: now, &progress, to: &out)
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
                let settle = Settling(count: count, deliveredAt: now)
                progress.settling()
                let start = out.beginFrame(.settle, requestID: take(settle), channel: 0)
                out.writeLittle(UInt16(count))
                for _ in 0..<count {
                    let id = try delivery(from: &reader, at: now, &progress)
                    out.writeMultipleIntegers(
                        Outcome.complete.rawValue, id, token, UInt32(0), endianness: .little)
                }
                out.endFrame(at: start)
            }
        }
    }

    /// Enters one delivery in the ledger; returns the job's id.
    private mutating func delivery(
        from reader: inout WireReader, at now: UInt64, _ progress: inout LoadProgress
    ) throws(WireError) -> UInt64 {
        let fields = try DeliveryFields(from: &reader)
        let payload = try reader.payload()
        _ = try reader.bytes32()
        if let stamp = JobPayload.stamp(of: payload.bytes), isSound(payload, stamp) {
            progress.delivered(stamp, at: now)
        } else {
            progress.damaged()
        }
        return fields.id.rawValue
    }

    private mutating func isSound(_ delivered: PayloadView, _ stamp: JobStamp) -> Bool {
        guard delivered.isIntact else { return false }
        guard stamp.index % Worker.comparedEvery == 0 else { return true }
        expected.clear()
        payload.write(stamp, to: &expected)
        return expected.readableBytesView.elementsEqual(delivered.bytes)
    }

    private mutating func settled(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress
    ) throws {
        let slot = Int(truncatingIfNeeded: frame.header.requestID) - 1
        guard slots.indices.contains(slot), let settling = slots[slot] else {
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
        slots[slot] = nil
        freeSlots.append(slot)
        progress.settled(count, deliveredAt: settling.deliveredAt, at: now)
    }

    /// A lost lease is no failure of the run: the job comes again, and is counted as delivered twice.
    private func checkRuns(_ settled: Settled) throws {
        for case let error? in settled.runs.map(\.error) where error.code != .leaseLost {
            throw BenchError.refused(error.code, message: error.message)
        }
    }

    /// Finds a slot; returns its request id.
    private mutating func take(_ settling: Settling) -> UInt64 {
        if let slot = freeSlots.popLast() {
            slots[slot] = settling
            return UInt64(slot + 1)
        }
        slots.append(settling)
        return UInt64(slots.count)
    }
}
