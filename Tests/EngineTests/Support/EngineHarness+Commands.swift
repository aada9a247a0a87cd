import Store

@testable import Engine

/// What a delivery brought, copied.
struct Delivery {
    struct Job: Equatable {
        var id: UInt64
        var failures: UInt16
        var crashes: UInt16
        var interruptions: UInt16
        var type: String
        var payload: [UInt8]
        var checkpoint: [UInt8]
        var headers: [UInt8]
        var tags: [UInt8]
        var maxAttempts: UInt16
        var createdAt: UInt64
        var codec: UInt8
    }

    var token: UInt64 = 0
    var jobs: [Job] = []
    var bytes = 0
    var isCutShort = false

    var ids: [UInt64] { jobs.map(\.id) }
}

/// What a worker says, in values.
enum Outcome {
    case complete([UInt8]? = nil)
    case fail(String = "it did not work")
    case failed(String, _ errorClass: String, _ fingerprint: UInt64)
    case failedAs(FailureWish)
    case release
    case extend(UInt64)
}

/// A unique key, in values.
struct Unique {
    var scope = UniqueKey.Scope.active
    var policy = UniqueKey.Policy.existing
    var needsSamePayload = false
    var period: UInt64 = 0
    var key = "order 7"
}

extension EngineHarness {
    // MARK: Submitting

    /// Submits jobs in a turn of their own.
    @discardableResult
    func submit(
        _ queue: String = "mail", count: Int = 1, payload: [UInt8] = [1, 2, 3],
        type: String = "letter",
        options: JobOptions = JobOptions()
    ) throws -> [UInt64] {
        try turn { rows in
            try (0..<count).map { _ in
                try submit(queue, payload: payload, type: type, options: options, rows)
            }
        }
    }

    func submit(
        _ queue: String, payload: [UInt8] = [1, 2, 3], type: String = "letter",
        options: JobOptions = JobOptions(), _ rows: borrowing Transaction
    ) throws -> UInt64 {
        let submission = Submission(
            type: arena.copy(type), payload: stored(payload), options: options)
        let outcome = try engine.submit(submission, to: index(queue), rows)
        guard case .accepted(let id) = outcome else { throw NotAccepted(outcome: outcome) }
        return id
    }

    private struct NotAccepted: Error { var outcome: SubmissionOutcome }

    /// Submits a job that may be refused, in a turn of its own.
    @discardableResult
    func offer(
        _ queue: String = "mail", payload: [UInt8] = [1, 2, 3], unique: Unique? = nil,
        options: JobOptions = JobOptions()
    ) throws -> SubmissionOutcome {
        try turn { rows in
            try engine.submit(
                submission(payload: payload, unique: unique, options: options), to: index(queue),
                rows)
        }
    }

    func submission(
        payload: [UInt8] = [1, 2, 3], unique: Unique? = nil, options: JobOptions = JobOptions()
    ) -> Submission {
        let key = unique.map {
            UniqueKey(
                scope: $0.scope, policy: $0.policy, needsSamePayload: $0.needsSamePayload,
                period: $0.period, bytes: arena.copy($0.key))
        }
        return Submission(
            type: arena.copy("letter"), payload: stored(payload), options: options, unique: key)
    }

    func index(_ queue: String) throws -> QueueIndex {
        struct NoSuchQueue: Error {}
        guard let index = engine.queue(named: queue) else { throw NoSuchQueue() }
        return index
    }

    /// Bytes of an even length need the active dictionary of the type `letter`, if it has one.
    func stored(_ bytes: [UInt8]) -> StoredPayload {
        let active = engine.activeDictionary(of: "letter") ?? 0
        let dictionary = bytes.count.isMultiple(of: 2) ? active : 0
        return StoredPayload(
            codec: dictionary == 0 ? 1 : 2, rawBytes: UInt32(bytes.count * 2),
            checksum: crc32c(arena.copy(bytes)), dictionary: dictionary, bytes: arena.copy(bytes))
    }

    /// Registers some bytes as a dictionary, in the place of the active one.
    @discardableResult
    func register(
        _ id: UInt32, type: String = "letter", bytes: [UInt8] = pattern(3_000),
        replacing: UInt32? = nil, _ rows: borrowing Transaction
    ) throws -> DictionaryOutcome {
        let replaces = replacing ?? engine.activeDictionary(of: type) ?? 0
        return try engine.register(
            DictionaryDraft(
                id: id, type: type, bytes: arena.copy(bytes),
                checksum: crc32c(arena.copy(bytes)), replaces: replaces), rows)
    }

    @discardableResult
    func register(
        _ id: UInt32, type: String = "letter", bytes: [UInt8] = pattern(3_000),
        replacing: UInt32? = nil
    ) throws -> DictionaryOutcome {
        try turn { rows in
            try register(id, type: type, bytes: bytes, replacing: replacing, rows)
        }
    }

    private func failure(_ wish: FailureWish) -> Failure {
        var failure = Failure(
            message: arena.copy(wish.message), errorClass: arena.copy(wish.errorClass),
            fingerprint: wish.fingerprint)
        failure.retryAfter = wish.retryAfter
        failure.isDiscard = wish.isDiscard
        return failure
    }

    // MARK: Working

    /// Opens a session that may hold leases.
    func openSession(_ session: UInt64) throws {
        try turn { rows in
            engine.openSession(session, secret: session + 1)
            try engine.storeSession(session, rows)
        }
    }

    func disconnect(_ session: UInt64) throws {
        try turn { rows in try engine.disconnectSession(session, rows) }
    }

    func resume(_ session: UInt64) throws -> Bool {
        try turn { rows in try engine.resumeSession(session, secret: session + 1, rows) }
    }

    /// Names jobs that the session's worker holds, in a turn of its own.
    /// - Returns: whether the session holds them, one by one.
    @discardableResult
    func hold(
        _ ids: [UInt64], _ token: UInt64, by session: UInt64 = 1, isComplete: Bool = true
    ) throws -> [Bool] {
        try turn { rows in
            let answers = try ids.map { try engine.hold($0, token: token, session: session, rows) }
            if isComplete { engine.holdsNothingElse(session: session) }
            return answers
        }
    }

    /// Delivers in a turn of its own.
    func deliver(
        _ queue: String = "mail", to session: UInt64 = 1, max: Int = 256, bytes: Int = .max,
        mayExceed: Bool = true, lease: UInt64 = 30_000
    ) throws -> Delivery {
        var delivery = Delivery()
        try turn { _ in
        } delivering: { rows in
            delivery = try deliver(
                queue, to: session, max: max, bytes: bytes, mayExceed: mayExceed, lease: lease, rows
            )
        }
        return delivery
    }

    func deliver(
        _ queue: String, to session: UInt64, max: Int = 256, bytes: Int = .max,
        mayExceed: Bool = true,
        lease: UInt64 = 30_000, _ rows: borrowing Transaction
    ) throws -> Delivery {
        let request = DeliveryRequest(
            session: session, subscription: 7, jobsMax: max, bytesMax: bytes, mayExceed: mayExceed,
            leaseMilliseconds: lease)
        var delivery = Delivery()
        let outcome = try engine.deliver(request, from: index(queue), rows) { job in
            delivery.jobs.append(Delivery.Job(job))
        }
        delivery.token = outcome.token
        delivery.bytes = outcome.bytes
        delivery.isCutShort = outcome.isCutShort
        return delivery
    }

    /// Settles in a turn of its own; nil when the lease is lost.
    @discardableResult
    func settle(
        _ id: UInt64, _ token: UInt64, by session: UInt64 = 1, _ outcome: Outcome = .complete()
    ) throws -> DeliveryCredit? {
        try turn { rows in try settle(id, token, by: session, outcome, rows) }
    }

    /// Settles all of a delivery in one turn.
    func settle(_ delivery: Delivery, by session: UInt64 = 1, _ outcome: Outcome = .complete())
        throws
    {
        try turn { rows in
            for id in delivery.ids {
                _ = try settle(id, delivery.token, by: session, outcome, rows)
            }
        }
    }

    func settle(
        _ id: UInt64, _ token: UInt64, by session: UInt64 = 1, _ outcome: Outcome,
        _ rows: borrowing Transaction
    ) throws -> DeliveryCredit? {
        let verdict: Verdict =
            switch outcome {
            case .complete(let result): .complete(result: result.map { stored($0) })
            case .fail(let reason): .fail(Failure(message: arena.copy(reason)))
            case .failed(let message, let errorClass, let fingerprint):
                .fail(
                    Failure(
                        message: arena.copy(message), errorClass: arena.copy(errorClass),
                        fingerprint: fingerprint))
            case .failedAs(let wish): .fail(failure(wish))
            case .release: .release
            case .extend(let milliseconds): .extend(milliseconds)
            }
        return try engine.settle(id, token: token, session: session, verdict, rows)
    }

    /// Completes consecutive jobs as the broker does: many at once, and by itself each that this stops at.
    /// - Returns: which of them were completed.
    func complete(
        _ run: JobRun, _ token: UInt64, by session: UInt64, _ rows: borrowing Transaction
    ) throws -> [Bool] {
        var answers: [Bool] = []
        while answers.count < Int(run.count) {
            let next = run.first + UInt64(answers.count)
            let rest = JobRun(first: next, count: UInt32(run.end - next))
            if let credit = try engine.complete(rest, token: token, session: session, rows) {
                answers += Array(repeating: true, count: credit.jobs)
            } else {
                answers.append(try settle(next, token, by: session, .complete(), rows) != nil)
            }
        }
        return answers
    }

    func progress(
        _ id: UInt64, _ token: UInt64, by session: UInt64 = 1, done: UInt16 = 5_000,
        _ message: String = "half"
    ) throws -> Bool {
        try turn { rows in
            try engine.progress(
                id, token: token, session: session, done: done, message: message, rows)
        }
    }

    // MARK: Looking

    func inspect(_ id: UInt64) throws -> JobInspection? {
        try look { rows in try engine.inspect(id, withPayload: true, withResult: true, rows) }
    }

    func state(_ id: UInt64) throws -> JobState? { try inspect(id)?.state }

    func statistics(_ queue: String = "mail") throws -> QueueStatistics {
        try look { rows in try engine.statistics(index(queue), rows) }
    }
}

extension Delivery.Job {
    init(_ job: DeliveredJob) {
        id = job.id
        failures = job.failures
        crashes = job.crashes
        interruptions = job.interruptions
        type = String(decoding: job.type, as: UTF8.self)
        payload = job.pieces.flatMap { Array($0) } + Array(job.payload.bytes)
        checkpoint = Array(job.checkpoint)
        headers = Array(job.headers)
        tags = Array(job.tags)
        maxAttempts = job.maxAttempts
        createdAt = job.createdAt
        codec = job.payload.codec
    }
}

/// Bytes that differ from place to place, and from seed to seed.
func pattern(_ count: Int, seed: UInt64 = 0) -> [UInt8] {
    let start = Int(mixed(seed, 1) % 1_009)
    var bytes = Array(noise[start..<min(start + count, noise.count)])
    while bytes.count < count { bytes += noise.prefix(count - bytes.count) }
    return bytes
}

private let noise = (0..<131_101).map { UInt8(truncatingIfNeeded: mixed(7, $0)) }

extension EngineHarness {
    /// A page of the list, as of the last checkpoint.
    func list(
        queue: String? = nil, states: [JobState] = [], type: String? = nil,
        oldestFirst: Bool = false,
        limit: Int = 500, after: UInt64? = nil
    ) throws -> JobListPage {
        var filter = JobFilter(queue: queue, states: JobFilter.states(states))
        filter.type = type
        let request = JobListRequest(
            filter, oldestFirst: oldestFirst, limit: limit, after: after)
        return try store.snapshot { snapshot in try JobInspector.list(request, snapshot) }
    }

    func checkpoint() throws { try store.checkpoint(now: now) }
}

extension JobListPage {
    var ids: [UInt64] { jobs.map(\.job.id) }
}
