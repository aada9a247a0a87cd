import MartletWire
import NIOCore

/// Keeps a number of submissions under way: each answer makes room for the next job.
struct Producer: LoadRole {
    private let durability: Durability
    private let payload: JobPayload
    /// A frame's bytes in front of the payload and behind it; request id and checksum are written over.
    private let front: ByteBuffer
    private let back: ByteBuffer
    /// Jobs without an answer; a request's id is its slot's number and 1.
    private var slots: [JobStamp?]

    init(plan: LoadPlan, options: BenchOptions) {
        durability = options.durability
        payload = JobPayload(byteCount: options.payloadBytes)
        slots = Array(repeating: nil, count: plan.outstanding)
        (front, back) = Producer.frame(plan, durability, payload)
    }

    mutating func begin(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        for slot in slots.indices { submit(in: slot, at: now, &progress, to: &out) }
    }

    mutating func receive(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) throws {
        let slot = Int(truncatingIfNeeded: frame.header.requestID) - 1
        guard frame.header.opcode == Opcode.submitted.rawValue, slots.indices.contains(slot),
            let job = slots[slot]
        else { throw BenchError.unexpected(frame) }

        try checkAccepted(frame.body)
        progress.acknowledged(job, at: now)
        slots[slot] = nil
        submit(in: slot, at: now, &progress, to: &out)
    }

    private mutating func submit(
        in slot: Int, at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        guard let index = progress.takeJob(at: now) else { return }
        let job = JobStamp(index: index, sentAt: now)
        slots[slot] = job
        let start = out.writerIndex
        out.writeImmutableBuffer(front)
        let payloadStart = out.writerIndex
        payload.write(job, to: &out)
        let checksum = out.getSlice(at: payloadStart, length: payload.byteCount).map { crc32c($0) }
        out.writeImmutableBuffer(back)
        out.setInteger(UInt64(slot + 1), at: start + 8, endianness: .little)
        out.setInteger(checksum ?? 0, at: payloadStart - 8, endianness: .little)
    }

    /// Reads the answer to one job where it lies.
    private func checkAccepted(_ body: ByteBuffer) throws {
        let (reached, code) = try body.withReader { (reader) throws(WireError) in
            let reached = try reader.u8()
            _ = try reader.u8()
            let (items, runs, count) = (try reader.u16(), try reader.u16(), try reader.u16())
            guard items == 1, runs == 1, count == 1 else {
                throw .invalidMessage("not one job's answer")
            }
            return (reached, try reader.u16())
        }
        if code != 0 { throw try BenchError(refusalIn: Submitted(body: body)) }
        if reached < durability.rawValue {
            throw BenchError.misbehaved(
                "the server acknowledged with less durability than was asked for")
        }
    }

    private static func frame(
        _ plan: LoadPlan, _ durability: Durability, _ payload: JobPayload
    ) -> (front: ByteBuffer, back: ByteBuffer) {
        var bytes = ByteBuffer()
        payload.write(JobStamp(index: 0, sentAt: 0), to: &bytes)
        let submit = Submit(
            queue: plan.queue, type: "bench", durability: durability,
            items: [SubmitItem(payload: .plain(bytes))],
            options: .with { $0.retainCompletedMilliseconds = plan.retainMilliseconds })
        var frame = ByteBuffer()
        frame.write(submit, requestID: 0, splitBytes: .max)

        var options = ByteBuffer()
        submit.options.write(to: &options)
        let backBytes = 2 + options.readableBytes
        let frontBytes = frame.readableBytes - payload.byteCount - backBytes
        let front = frame.getSlice(at: 0, length: frontBytes)
        let back = frame.getSlice(at: frontBytes + payload.byteCount, length: backBytes)
        guard let front, let back else { preconditionFailure("a frame is its parts") }
        return (front, back)
    }
}

extension BenchError {
    fileprivate init(refusalIn submitted: Submitted) {
        for case .refused(let error, _) in submitted.runs {
            self = .refused(error.code, message: error.message)
            return
        }
        self = .misbehaved("the server sent an error code of 0 as a refusal")
    }
}
