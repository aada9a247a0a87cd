package import NIOCore

/// Where a job stands in its life.
package enum JobState: UInt8, CaseIterable, Sendable {
    case scheduled = 1
    case ready = 2
    case running = 3
    case held = 4
    case completed = 5
    case dead = 6
    case cancelled = 7
    case expired = 8

    /// Nothing more happens to it but that its retention ends.
    package var isFinished: Bool { rawValue >= JobState.completed.rawValue }
}

/// All that is known of a job. Times are milliseconds since 1970; 0: not yet.
package struct JobInfo: Message {
    package static let opcode = Opcode.job

    package var id: JobID
    package var state: JobState
    /// Deliveries so far.
    package var attempts: UInt16
    package var failures: UInt16
    package var crashes: UInt16
    package var interruptions: UInt16
    package var maxAttempts: UInt16
    package var createdAt: UInt64
    /// When a scheduled job becomes ready.
    package var dueAt: UInt64
    /// When the last attempt began.
    package var startedAt: UInt64
    package var finishedAt: UInt64
    /// Raw length of the payload.
    package var payloadBytes: UInt32
    package var queue: String
    package var type: String
    package var error: String?
    package var progress: JobProgress?
    package var payload: Payload?
    package var result: Payload?
    package var leaseEndsAt: UInt64?
    /// Who has it.
    package var session: UInt64?

    package init(
        id: JobID, state: JobState, attempts: UInt16 = 0, failures: UInt16 = 0, crashes: UInt16 = 0,
        interruptions: UInt16 = 0, maxAttempts: UInt16, createdAt: UInt64, dueAt: UInt64 = 0,
        startedAt: UInt64 = 0, finishedAt: UInt64 = 0, payloadBytes: UInt32, queue: String,
        type: String
    ) {
        self.id = id
        self.state = state
        self.attempts = attempts
        self.failures = failures
        self.crashes = crashes
        self.interruptions = interruptions
        self.maxAttempts = maxAttempts
        self.createdAt = createdAt
        self.dueAt = dueAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.payloadBytes = payloadBytes
        self.queue = queue
        self.type = type
    }
}

extension JobInfo {
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            id: JobID(rawValue: try reader.u64()), state: try reader.named("state"),
            attempts: try reader.u16(), failures: try reader.u16(), crashes: try reader.u16(),
            interruptions: try reader.u16(), maxAttempts: try reader.u16(),
            createdAt: try reader.u64(),
            dueAt: try reader.u64(), startedAt: try reader.u64(), finishedAt: try reader.u64(),
            payloadBytes: try reader.u32(), queue: try reader.text8(), type: try reader.text8())
        self = try reader.withJobOptions(self)
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            id.rawValue, state.rawValue, attempts, failures, crashes, interruptions, maxAttempts,
            createdAt, dueAt, startedAt, finishedAt, payloadBytes, endianness: .little)
        buffer.writeText8(queue)
        buffer.writeText8(type)
        if let error { buffer.writeOption(1) { $0.writeString(error) } }
        if let progress { buffer.writeOption(2) { progress.write(to: &$0) } }
        if let payload { buffer.writeOption(3) { $0.writePayload(payload) } }
        if let result { buffer.writeOption(4) { $0.writePayload(result) } }
        if let leaseEndsAt { buffer.writeOption(5) { $0.writeLittle(leaseEndsAt) } }
        if let session { buffer.writeOption(6) { $0.writeLittle(session) } }
    }
}

extension WireReader {
    fileprivate mutating func withJobOptions(_ job: JobInfo) throws(WireError) -> JobInfo {
        var job = job
        try options { (tag, option) throws(WireError) in
            switch tag {
            case 1: job.error = try option.restText()
            case 2: job.progress = try JobProgress(from: &option)
            case 3: job.payload = Payload(try option.payload())
            case 4: job.result = Payload(try option.payload())
            case 5: job.leaseEndsAt = try option.u64()
            case 6: job.session = try option.u64()
            default: option.skip()
            }
        }
        return job
    }
}
