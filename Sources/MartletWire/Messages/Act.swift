package import NIOCore

/// What can be done to jobs from outside.
package enum JobAction: UInt8, CaseIterable, Sendable {
    case cancel = 1
    case retry = 2
    case delete = 3
    case reprioritise = 4
    case purge = 5
}

/// How an action is to be carried out; each option belongs to one action.
package struct ActOptions: Equatable, Sendable {
    /// Of a cancel, at most 1,024 bytes.
    package var reason: String?
    /// Of a cancel: how long a running job has, 0 to 86,400,000.
    package var graceMilliseconds: UInt32?
    /// Of a retry: failures, crashes and interruptions go on counting.
    package var keepsCounters: Bool
    /// Of a reprioritise, which needs it.
    package var priority: UInt8?
    /// Of a retry: not before, in milliseconds since 1970.
    package var runAt: UInt64?
    /// Of a bulk action: jobs a second, 1 to 1,000,000.
    package var rate: UInt32?

    package init(
        reason: String? = nil, graceMilliseconds: UInt32? = nil, keepsCounters: Bool = false,
        priority: UInt8? = nil, runAt: UInt64? = nil, rate: UInt32? = nil
    ) {
        self.reason = reason
        self.graceMilliseconds = graceMilliseconds
        self.keepsCounters = keepsCounters
        self.priority = priority
        self.runAt = runAt
        self.rate = rate
    }

    /// Reads to the end, and refuses what `action` has no use for.
    init(
        of action: JobAction, isBulk: Bool, from reader: inout WireReader
    ) throws(WireError) {
        self.init()
        var read = self
        try reader.options { (tag, option) throws(WireError) in
            try read.read(tag, &option)
        }
        self = read
        if let refusal = refusal(of: action, isBulk: isBulk) { throw refusal }
    }

    private mutating func read(_ tag: UInt16, _ option: inout WireReader) throws(WireError) {
        switch tag {
        case 1: reason = try option.text("reason", bytesMax: Limits.actionReasonBytesMax)
        case 2: graceMilliseconds = try option.u32()
        case 3: keepsCounters = true
        case 4: priority = try option.u8()
        case 5: runAt = try option.u64()
        case 6: rate = try option.u32()
        default: option.skip()
        }
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeOption(1, reason?.truncated(toUTF8Bytes: Limits.actionReasonBytesMax))
        buffer.writeOption(2, graceMilliseconds)
        buffer.writeOption(3, when: keepsCounters)
        buffer.writeOption(4, priority)
        buffer.writeOption(5, runAt)
        buffer.writeOption(6, rate)
    }

    /// `OPTION_INVALID` for an option of another action, one that is missing, or one out of its range.
    package func refusal(of action: JobAction, isBulk: Bool) -> WireError? {
        if action != .cancel, reason != nil || graceMilliseconds != nil {
            return .optionInvalid("reason and grace are options of cancel, not of \(action)")
        }
        if action != .retry, keepsCounters || runAt != nil {
            return .optionInvalid("keep_counters and run_at are options of retry, not of \(action)")
        }
        if (action == .reprioritise) != (priority != nil) {
            return .optionInvalid("priority is the option of reprioritise, and of nothing else")
        }
        if rate != nil, !isBulk { return .optionInvalid("rate is an option of ACT_ALL") }
        return MartletWire.refusal(
            "grace", graceMilliseconds, 0...UInt64(Limits.cancelGraceMillisecondsMax))
            ?? MartletWire.refusal("rate", rate, 1...UInt64(Limits.actionRateMax))
    }
}

/// Does one thing to each of some jobs.
package struct Act: Message {
    package static let opcode = Opcode.act

    package var action: JobAction
    /// 1 to `batch_max`.
    package var ids: [JobID]
    package var options: ActOptions

    package init(_ action: JobAction, ids: [JobID], options: ActOptions = ActOptions()) {
        self.action = action
        self.ids = ids
        self.options = options
    }

    package init(from reader: inout WireReader) throws(WireError) {
        action = try reader.named("action")
        let count = Int(try reader.u16())
        guard (1...Limits.batchMax).contains(count) else { throw .batchTooLarge(actual: count) }
        ids = []
        for _ in 0..<count { ids.append(JobID(rawValue: try reader.u64())) }
        options = try ActOptions(of: action, isBulk: false, from: &reader)
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(action.rawValue)
        buffer.writeLittle(UInt16(ids.count))
        for id in ids { buffer.writeLittle(id.rawValue) }
        options.write(to: &buffer)
    }
}

/// The answer to `ACT`: what became of each job.
package struct Acted: Message {
    package static let opcode = Opcode.acted

    /// In the order of the ids.
    package var runs: [Run]

    /// Neighbours with the same fate.
    package enum Run: Equatable, Sendable {
        /// The state in which these jobs are now; `nil`: they are gone.
        case done(JobState?, count: UInt16)
        case refused(WireError, count: UInt16)

        package var count: Int {
            switch self {
            case .done(_, let count), .refused(_, let count): Int(count)
            }
        }
    }

    package init(runs: [Run]) { self.runs = runs }

    package init(from reader: inout WireReader) throws(WireError) {
        let count = Int(try reader.u16())
        let runCount = try reader.u16()
        runs = []
        var described = 0
        for _ in 0..<runCount {
            let run = try Run(from: &reader)
            runs.append(run)
            described += run.count
        }
        guard described == count else {
            throw .invalidMessage("runs describe \(described.grouped) items of \(count.grouped)")
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(runs.reduce(0) { $0 + $1.count }))
        buffer.writeLittle(UInt16(runs.count))
        for run in runs { run.write(to: &buffer) }
    }

    /// What became of each job, one by one.
    package var results: [Result<JobState?, WireError>] {
        runs.flatMap { run -> [Result<JobState?, WireError>] in
            switch run {
            case .done(let state, let count):
                Array(repeating: .success(state), count: Int(count))
            case .refused(let error, let count):
                Array(repeating: .failure(error), count: Int(count))
            }
        }
    }
}

extension Acted.Run {
    init(from reader: inout WireReader) throws(WireError) {
        let count = try reader.u16()
        let code = ErrorCode(rawValue: try reader.u16())
        if code.rawValue == 0 {
            self = .done(try reader.stateOrGone(), count: count)
        } else {
            self = .refused(try WireError(itemCode: code, from: &reader), count: count)
        }
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(count))
        switch self {
        case .done(let state, _):
            buffer.writeLittle(UInt16(0))
            buffer.writeLittle(state?.rawValue ?? 0)
        case .refused(let error, _): error.writeItem(to: &buffer)
        }
    }
}

extension WireReader {
    /// 0 stands for a job that is gone.
    mutating func stateOrGone() throws(WireError) -> JobState? {
        let value = try u8()
        if value == 0 { return nil }
        guard let state = JobState(rawValue: value) else {
            throw .invalidMessage("state is \(value), which names nothing")
        }
        return state
    }
}
