import MartletClient
import MartletWire
import NIOCore

@testable import Gateway

/// A job server that remembers what it was asked and answers as a test tells it to.
actor FakeJobServer: JobServer {
    struct Submission: Sendable {
        let destination: Destination
        let payloads: [String]
    }

    nonisolated let payloadBytesMax: Int
    /// What was submitted, frame by frame.
    nonisolated let submissions = Mailbox<Submission>()
    private var jobs: [JobStatus.ID: JobInfo] = [:]
    private var allQueues: [QueueStatus] = []
    private var nextID: UInt64 = 1
    /// Answers nothing but this.
    private var failure: MartletError?
    private var gate: Mailbox<Void>?

    init(payloadBytesMax: Int = 1_000) {
        self.payloadBytesMax = payloadBytesMax
    }

    func fail(with error: MartletError?) { failure = error }

    /// From now on each submission waits for a value in the mailbox returned.
    func close() -> Mailbox<Void> {
        let gate = Mailbox<Void>()
        self.gate = gate
        return gate
    }

    func add(_ job: JobInfo) { jobs[JobStatus.ID(job.id)] = job }

    func add(_ queue: QueueInfo) { allQueues.append(QueueStatus(queue)) }

    func submit(
        _ payloads: [ByteBuffer], to destination: Destination
    ) async throws(MartletError) -> [Result<JobStatus.ID, MartletError>] {
        if let failure { throw failure }
        let texts = payloads.map { String(buffer: $0) }
        submissions.put(Submission(destination: destination, payloads: texts))
        if let gate { _ = await gate.next() }
        return texts.map { text in
            if text == "refuse me" {
                return .failure(MartletError(.payloadDamaged, "refused", isRetryable: true))
            }
            defer { nextID += 1 }
            return .success(JobStatus.ID(JobID(rawValue: nextID)))
        }
    }

    func job(_ id: JobStatus.ID, parts: JobParts) throws(MartletError) -> JobInfo {
        if let failure { throw failure }
        guard let job = jobs[id] else { throw MartletError(WireError.jobNotFound(id.onTheWire)) }
        return job
    }

    func finishedJob(
        _ id: JobStatus.ID, parts: JobParts, within time: Duration
    ) throws(MartletError) -> JobInfo {
        let job = try job(id, parts: parts)
        guard job.state.isFinished else {
            throw MartletError(.waitTimeout, "not finished within \(time)", isRetryable: true)
        }
        return job
    }

    func queues() throws(MartletError) -> [QueueStatus] {
        if let failure { throw failure }
        return allQueues
    }

    nonisolated func inflate(_ payload: Payload) throws(MartletError) -> ByteBuffer {
        payload.bytes
    }
}

extension JobInfo {
    /// A job of its time of life, with the number 7.
    static func sample(_ state: JobState, error: String? = nil, result: String? = nil) -> JobInfo {
        var job = JobInfo(
            id: JobID(rawValue: 7), state: state, attempts: 3, failures: 1, crashes: 1,
            interruptions: 0,
            maxAttempts: 20, createdAt: 1_700_000_000_001, startedAt: 1_700_000_001_000,
            finishedAt: state.isFinished ? 1_700_000_002_000 : 0, payloadBytes: 5, queue: "images",
            type: "thumbnail")
        job.error = error
        job.result = result.map { .plain(ByteBuffer(string: $0)) }
        return job
    }
}
