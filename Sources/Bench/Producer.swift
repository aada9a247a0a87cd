import MartletWire
import NIOCore

/// Submits jobs: in a closed loop each answer makes room for the next ones, in an open loop the clock does.
struct Producer: LoadRole {
    private let plan: LoadPlan
    private let durability: Durability
    private var carrier: PayloadCarrier
    /// Behind the jobs of each frame.
    private let options: ByteBuffer
    private var requests = RequestSlots<SentJobs>()
    /// 0 when nothing is ever sent again.
    private let producer: UInt64
    private var lastSequence: UInt64 = 0
    private var schedule: Schedule?

    /// - Parameter number: Which of the plan's producers it is, from 0.
    init(plan: LoadPlan, durability: Durability, carrier: PayloadCarrier, number: Int) {
        self.plan = plan
        self.durability = durability
        self.carrier = carrier
        producer = plan.survivesKill ? UInt64.random(in: 1...UInt64.max) : 0
        schedule = plan.intervalNanoseconds.map {
            Schedule(interval: $0 * UInt64(plan.producers), offset: $0 * UInt64(number))
        }
        var bytes = ByteBuffer()
        SubmitOptions.with { $0.retainCompletedMilliseconds = plan.retainMilliseconds }
            .write(to: &bytes)
        self.options = bytes
    }

    var wakeAt: UInt64? { requests.count < Producer.requestsMax ? schedule?.next : nil }

    /// What every server takes on a connection.
    private static let requestsMax = 1_024

    mutating func begin(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        guard schedule == nil else {
            schedule?.begin(at: now)
            return wake(at: now, &progress, to: &out)
        }
        for start in stride(from: 0, to: plan.outstanding, by: plan.batch) {
            submit(min(plan.batch, plan.outstanding - start), at: now, &progress, to: &out)
        }
    }

    mutating func wake(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        while let schedule, requests.count < Producer.requestsMax {
            let due = schedule.due(at: now, atMost: plan.batch)
            guard due > 0 else { return }
            submit(due, at: now, &progress, to: &out)
        }
    }

    mutating func receive(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) throws {
        guard frame.header.opcode == Opcode.submitted.rawValue,
            let sent = requests.close(frame.header.requestID)
        else { throw BenchError.unexpected(frame) }
        try checkAccepted(sent.indices.count, frame.body)
        progress.acknowledged(sent, at: now)
        if schedule == nil {
            submit(sent.indices.count, at: now, &progress, to: &out)
        } else {
            wake(at: now, &progress, to: &out)
        }
    }

    mutating func resume(isResumed: Bool, to out: inout ByteBuffer) {
        for frame in requests.frames { out.writeBytes(frame) }
    }

    // MARK: Frames

    private mutating func submit(
        _ count: Int, at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        let indices = progress.takeJobs(count, at: now)
        guard !indices.isEmpty else {
            schedule?.end()
            return
        }
        var sent = SentJobs(indices: indices, sentAt: now)
        if let schedule { (sent.sentAt, sent.interval) = (schedule.first, schedule.interval) }
        if producer != 0 {
            lastSequence += 1
            sent.sequence = lastSequence
        }
        for index in indices where schedule != nil {
            progress.sent(intended: sent.sentAt(index), at: now)
        }
        schedule?.advance(indices.count)
        write(sent, &progress, to: &out)
    }

    private mutating func write(
        _ sent: SentJobs, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) {
        let floor = producer == 0 ? 0 : requests.requests.map(\.sequence).min() ?? sent.sequence
        let id = requests.open(sent)
        let start = out.beginFrame(.submit, requestID: id, channel: 0)
        out.writeText8(plan.queue)
        out.writeText8(BenchOptions.jobType)
        out.writeMultipleIntegers(
            producer, sent.sequence, floor, durability.rawValue, UInt8(0),
            UInt16(sent.indices.count), endianness: .little)
        for index in sent.indices {
            let stamp = JobStamp(index: index, sentAt: sent.sentAt(index))
            progress.submitted(carrier.write(stamp, to: &out))
            out.writeLittle(UInt16(0))
        }
        out.writeImmutableBuffer(options)
        out.endFrame(at: start)
        if plan.survivesKill {
            let frame = out.getBytes(at: start, length: out.writerIndex - start)
            requests.keep(frame ?? [], for: id)
        }
    }

    /// Reads the answer where it lies.
    private func checkAccepted(_ jobs: Int, _ body: ByteBuffer) throws {
        let (reached, items, runs, code) = try body.withReader { (reader) throws(WireError) in
            let reached = try reader.u8()
            _ = try reader.u8()
            let (items, runs, _) = (try reader.u16(), try reader.u16(), try reader.u16())
            return (reached, Int(items), Int(runs), try reader.u16())
        }
        if runs != 1 || code != 0 { try checkRuns(Submitted(body: body)) }
        guard items == jobs else {
            throw BenchError.misbehaved("\(jobs) submissions were answered with \(items)")
        }
        if reached < durability.rawValue {
            throw BenchError.misbehaved(
                "the server acknowledged with less durability than was asked for")
        }
    }

    private func checkRuns(_ submitted: Submitted) throws {
        for case .refused(let error, _) in submitted.runs {
            throw BenchError.refused(error.code, message: error.message)
        }
    }
}

/// When the jobs of one producer are to be sent, whatever becomes of those before.
private struct Schedule {
    /// Nanoseconds from one job to the next.
    let interval: UInt64
    /// Of the first job, from the beginning.
    let offset: UInt64
    /// The instant of the next job.
    private(set) var first: UInt64 = .max
    private var isOver = false

    init(interval: UInt64, offset: UInt64) {
        self.interval = interval
        self.offset = offset
    }

    var next: UInt64? { isOver || first == .max ? nil : first }

    mutating func begin(at now: UInt64) { first = now + offset }

    mutating func end() { isOver = true }

    func due(at now: UInt64, atMost count: Int) -> Int {
        guard let next, next <= now else { return 0 }
        return min(count, Int((now - next) / interval) + 1)
    }

    mutating func advance(_ jobs: Int) { first += UInt64(jobs) * interval }
}
