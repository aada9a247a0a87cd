import MartletClient
import MartletWire
import NIOCore

@testable import Gateway

/// A job server that remembers what it was asked and answers as a test tells it to.
actor FakeJobServer: JobServer {
    struct Submission: Sendable {
        let destination: Destination
        let payloads: [String]
        let isAtomic: Bool
    }

    nonisolated let payloadBytesMax: Int
    /// What was submitted, frame by frame.
    nonisolated let submissions = Mailbox<Submission>()
    private var jobs: [JobStatus.ID: JobInfo] = [:]
    private var allQueues: [QueueStatus] = []
    /// What else it was asked to do, in words.
    private(set) var requests: [String] = []
    /// The pages, queries and options that it was asked with.
    private(set) var lists: [List] = []
    private(set) var queries: [JobQuery] = []
    private(set) var edits: [JobOptions] = []
    private(set) var removals: [JobLabels] = []
    private(set) var settings: [QueueOptions] = []
    private(set) var watches: [(filter: EventFilter, after: UInt64)] = []
    nonisolated let events = Mailbox<JobEvents.Event>()
    private var nextID: UInt64 = 1
    private var holders: [String: Result<PushedJob, MartletError>] = [:]
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
        _ payloads: [ByteBuffer], to destination: Destination, isAtomic: Bool
    ) async throws(MartletError) -> [Result<PushedJob, MartletError>] {
        if let failure { throw failure }
        let texts = payloads.map { String(buffer: $0) }
        submissions.put(
            Submission(destination: destination, payloads: texts, isAtomic: isAtomic))
        if let gate { _ = await gate.next() }
        return texts.map { text in
            if text == "refuse me" {
                return .failure(MartletError(.payloadDamaged, "refused", isRetryable: true))
            }
            if isAtomic, texts.contains("refuse me") {
                return .failure(MartletError(.batchRefused, "another job was refused"))
            }
            if let holder = holders[text] { return holder }
            defer { nextID += 1 }
            return .success(.new(nextID))
        }
    }

    /// From now on a payload like this is answered with the job that holds its key.
    func answer(_ payload: String, with answer: Result<PushedJob, MartletError>) {
        holders[payload] = answer
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

    // MARK: Looking

    func explanation(of id: JobStatus.ID) throws(MartletError) -> JobExplanation {
        let job = try job(id, parts: [])
        return JobExplanation(
            Explanation(
                id: job.id, state: job.state,
                reasons: [
                    Explanation.Reason(
                        .noSubscriber, sentence: "no worker has subscribed to images")
                ]))
    }

    func log(of id: JobStatus.ID, from: UInt64, limit: UInt16) throws(MartletError) -> LogPage {
        _ = try job(id, parts: [])
        let line = LogLine(offset: from, at: 1_700_000_000_000, attempt: 1, text: "limit \(limit)")
        return LogPage(first: 0, next: from + 1, lines: [line])
    }

    func page(of list: List) throws(MartletError) -> JobPage {
        if let failure { throw failure }
        lists.append(list)
        let page = jobs.values.sorted { $0.id.rawValue < $1.id.rawValue }
        return JobPage(
            asOf: 1_700_000_000_000, matched: UInt32(page.count), jobs: list.isCount ? [] : page,
            cursor: [0xfb, 0xff])
    }

    func page(of groups: Groups) throws(MartletError) -> GroupPage {
        let group = ErrorGroup(
            queue: "images", fingerprint: 0xfeed, jobs: 3, firstSeen: 1_700_000_000_000,
            lastSeen: 1_700_000_001_000, example: JobID(rawValue: 7), errorClass: "DiskFull",
            message: "disk # is full")
        return GroupPage(asOf: 1_700_000_000_000, groups: [group])
    }

    func count(matching query: JobQuery) throws(MartletError) -> Int {
        queries.append(query)
        return 42
    }

    func lastEventOffset() -> UInt64 { 4 }

    nonisolated func events(
        matching filter: EventFilter, after: UInt64, endsWithJob: Bool
    ) -> any AsyncSequence<JobEvents.Event, MartletError> & Sendable {
        FakeEvents(server: self, filter: filter, after: after)
    }

    fileprivate func watch(_ filter: EventFilter, after: UInt64) {
        watches.append((filter, after))
    }

    // MARK: Changing

    func act(
        _ change: JobChange, on id: JobStatus.ID
    ) throws(MartletError) -> JobStatus.State? {
        let job = try job(id, parts: [])
        requests.append("\(change)")
        if case .cancel = change, job.state.isFinished {
            throw MartletError(.jobFinished, "job \(id) is \(job.state)")
        }
        return JobStatus.State(job.state)
    }

    func edit(
        _ id: JobStatus.ID, options: JobOptions, removing: JobLabels, payload: ByteBuffer?
    ) throws(MartletError) {
        _ = try job(id, parts: [])
        edits.append(options)
        removals.append(removing)
        requests.append("edit \(payload.map { String(buffer: $0) } ?? "-")")
    }

    func actOnAll(
        _ change: JobChange, matching query: JobQuery, rate: Int?
    ) throws(MartletError) -> ActionInfo {
        queries.append(query)
        requests.append("all \(change) \(rate ?? 0)")
        return ActionInfo(id: 9, action: .cancel, state: .running, startedAt: 1_700_000_000_000)
    }

    func action(_ request: ActionGet) throws(MartletError) -> ActionInfo {
        guard request.action == 9 else {
            throw MartletError(.actionNotFound, "no action \(request.action)")
        }
        requests.append("action stops \(request.stops)")
        return ActionInfo(
            id: 9, action: .cancel, state: request.stops ? .stopped : .done, seen: 5, changed: 4,
            refused: 1, startedAt: 1_700_000_000_000, finishedAt: 1_700_000_001_000)
    }

    // MARK: Queues

    func queues() throws(MartletError) -> [QueueStatus] {
        if let failure { throw failure }
        return allQueues
    }

    func queue(_ name: String) throws(MartletError) -> QueueStatus {
        guard let queue = allQueues.first(where: { $0.name == name }) else {
            throw MartletError(WireError.queueNotFound(name))
        }
        return queue
    }

    func times(in queue: String) throws(MartletError) -> [QueueTimes] {
        let histogram = TimeHistogram(count: 4, sumMilliseconds: 10, buckets: [0, 2, 2])
        return [QueueTimes(TypeTimes(type: "t", wait: histogram, run: histogram, total: histogram))]
    }

    func configureQueue(_ name: String, _ options: QueueOptions) throws(MartletError) {
        settings.append(options)
        add(QueueInfo(name: name))
    }

    func pauseQueue(_ name: String, by: String, reason: String) throws(MartletError) {
        requests.append("pause \(name) by \(by): \(reason)")
        add(QueueInfo(name: name))
    }

    func resumeQueue(_ name: String) throws(MartletError) {
        requests.append("resume \(name)")
        add(QueueInfo(name: name))
    }

    func drainQueue(_ name: String, _ drains: Bool) throws(MartletError) {
        requests.append("drain \(name) \(drains)")
        add(QueueInfo(name: name))
    }

    func deleteQueue(_ name: String, withJobs: Bool) throws(MartletError) {
        requests.append("delete \(name) \(withJobs)")
        if !withJobs { throw MartletError(.queueNotEmpty, "\(name) has 3 jobs", actual: 3) }
    }

    nonisolated func inflate(_ payload: Payload) throws(MartletError) -> ByteBuffer {
        payload.bytes
    }
}

/// What the test puts into the server's stream, once somebody asks for it.
private struct FakeEvents: AsyncSequence, Sendable {
    typealias Element = JobEvents.Event
    typealias Failure = MartletError

    let server: FakeJobServer
    let filter: EventFilter
    let after: UInt64

    func makeAsyncIterator() -> Iterator {
        Iterator(sequence: self)
    }

    struct Iterator: AsyncIteratorProtocol {
        let sequence: FakeEvents
        var isFirst = true

        mutating func next() async throws(MartletError) -> JobEvents.Event? {
            if isFirst { await sequence.server.watch(sequence.filter, after: sequence.after) }
            isFirst = false
            return await sequence.server.events.next()
        }

        mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> JobEvents.Event? {
            try await next()
        }
    }
}

extension PushedJob {
    static func new(_ id: UInt64) -> PushedJob {
        PushedJob(
            id: JobStatus.ID(JobID(rawValue: id)), wasDuplicate: false, durability: .disk)
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
