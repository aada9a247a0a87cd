import MartletWire
import NIOCore

/// What a worker does next, as a function of what happened to it. No socket, no clock, no task.
///
/// Events only change the state; ``flush(_:)`` says what is to be done. So whatever happened at
/// once is answered at once: a hundred handlers that ended make one `SETTLE`.
struct WorkerMachine: ~Copyable {
    private let settings: WorkerSettings
    private var lanes: [WorkerLane]
    private var held: [JobKey: HeldJob] = [:]
    private var settlements = SettlementQueue()
    private var notes = NoteTable()
    private var link = Link.down(since: nil)
    private var phase = Phase.working
    private var actions: [WorkerAction] = []
    private var batchMax = Limits.batchMax
    private var grace = TimeAmount.milliseconds(Int64(Limits.graceMilliseconds))
    /// ``tick(_:)`` wants to be called then. May be too early, never too late.
    private(set) var nextDeadline = NIODeadline.distantFuture

    init(lanes: [WorkerLane], settings: WorkerSettings) {
        self.lanes = lanes
        self.settings = settings
    }

    var hasEnded: Bool { phase == .ended }
    var heldCount: Int { held.count }

    // MARK: The connection

    /// `WELCOME` came.
    mutating func connected(_ welcome: Welcome, _ now: NIODeadline) {
        limitsChanged(welcome.limits)
        link = .up
        if welcome.isResumed { carryOver(now) } else { loseEverything() }
        guard phase == .working else { return }
        for index in lanes.indices { subscribe(index) }
    }

    mutating func limitsChanged(_ limits: ServerLimits) {
        batchMax = Int(limits.batchMax)
        grace = .milliseconds(Int64(limits.graceMilliseconds))
    }

    mutating func disconnected(_ now: NIODeadline) {
        guard link == .up else { return }
        link = .down(since: now)
        settlements.connectionLost()
        notes.connectionLost()
        for (key, var job) in held {
            job.isCarried = true
            held[key] = job
            schedule(leaseLostAt(job))
        }
    }

    /// The leases go on: nothing stops, and the server hears at once what is still held. The rest
    /// was on its way when the connection broke.
    private mutating func carryOver(_ now: NIODeadline) {
        let keys = held.filter { $0.value.isRenewable }.map(\.key) + settlements.unsettled
        actions.append(.hold(Holding.naming(keys, batchMax: batchMax)))
        for index in lanes.indices { lanes[index].carried = settlements.carried(lane: index) }
        for (key, var job) in held {
            job.renewAt = now
            held[key] = job
            if job.isCarried { lanes[job.lane].carried += 1 }
        }
        schedule(now)
        tick(now)
    }

    private mutating func loseEverything() {
        let lost = settlements.removeAll()
        notes = NoteTable()
        if lost > 0 { actions.append(.outcomesLost(lost)) }
        for key in held.keys { lose(key) }
        for index in lanes.indices { lanes[index].carried = 0 }
    }

    private mutating func subscribe(_ index: Int) {
        let credit = lanes[index].creditWanted
        lanes[index].creditGiven = credit
        actions.append(
            .subscribe(
                Subscribe(
                    subscription: UInt32(index), queue: lanes[index].queue,
                    creditJobs: UInt32(credit), creditBytes: settings.creditBytes,
                    leaseMilliseconds: settings.leaseMilliseconds)))
    }

    // MARK: Jobs

    /// `JOBS` came.
    mutating func delivered(_ jobs: Jobs, _ now: NIODeadline) {
        let lane = Int(jobs.subscription)
        guard lanes.indices.contains(lane) else { return }
        for delivery in jobs.deliveries {
            let key = JobKey(id: delivery.fields.id, token: jobs.token)
            guard phase == .working else {
                settle(key, lane: lane, isCarried: false, .release)
                continue
            }
            let job = HeldJob(
                lane: lane, leaseMilliseconds: jobs.leaseMilliseconds,
                timeout: settings.timeout(delivery.options.timeoutMilliseconds), now: now)
            held[key] = job
            lanes[lane].waiting.append(
                DeliveredJob(
                    key: key, queue: lanes[lane].queue,
                    type: jobs.types[Int(delivery.fields.type)], delivery))
            schedule(min(job.renewAt, now + settings.patience))
        }
    }

    /// A handler returned.
    mutating func finished(_ key: JobKey, _ result: HandlerResult, _ now: NIODeadline) {
        guard var job = held.removeValue(forKey: key), let startedAt = job.startedAt else {
            preconditionFailure("a handler ends once, after it was started")
        }
        lanes[job.lane].running -= 1
        lanes[job.lane].observe(now - startedAt)
        guard let verdict = verdict(result, of: job) else { return notes.remove(key) }
        if notes.finish(key) {
            job.phase = .finished(verdict)
            held[key] = job
        } else {
            settle(key, lane: job.lane, isCarried: job.isCarried, verdict)
        }
    }

    /// What the server hears; nil when the lease is gone and it would not listen.
    private func verdict(_ result: HandlerResult, of job: HeldJob) -> Settlement.Verdict? {
        switch (job.phase, result) {
        case (.waiting, _), (.finished, _):
            preconditionFailure("only a job that runs has a handler")
        case (.cancelled(.leaseLost, _), _): nil
        case (_, .completed(let payload)): .complete(payload)
        case (.cancelled(.timeout, _), _): .fail(job.timedOut)
        case (.cancelled(.shutdown, _), _), (.cancelled, .cancelled), (_, .released): .release
        case (_, .failed(let failure)): .fail(failure)
        case (_, .cancelled):
            .fail(
                FailureReport.report(
                    "the handler threw CancellationError, uncancelled", "CancellationError"))
        }
    }

    /// A handler says something of its job.
    mutating func noted(_ key: JobKey, _ note: Note) {
        guard let job = held[key], job.isRenewable else { return }
        notes.add(key, note)
    }

    /// Somebody cancelled these running jobs. When their grace is over the leases are gone, and the
    /// next renewal tells.
    mutating func cancelled(_ cancellations: [Cancellation]) {
        for cancellation in cancellations {
            let key = JobKey(id: cancellation.id, token: cancellation.token)
            guard case .waiting = held[key]?.phase else {
                cancel(key, .cancelled(cancellation.reason))
                continue
            }
            if let lane = held[key]?.lane { lanes[lane].waiting.removeAll { $0.key == key } }
            release(key)
        }
    }

    // MARK: Answers

    /// `SETTLED` came, with one error or none for each item.
    mutating func settled(_ number: UInt64, _ errors: [WireError?], _ now: NIODeadline) {
        guard let batch = settlements.remove(number) else { return }
        guard batch.count == errors.count else {
            for item in batch { refused(item, .answersDiffer(batch.count, errors.count), now) }
            return
        }
        for index in batch.indices {
            if let error = errors[index] {
                refused(batch[index], error, now)
            } else if batch[index].isRenewal {
                held[batch[index].key]?.extend(from: batch[index].sentAt)
            } else {
                forget(batch[index])
            }
        }
    }

    /// The request as a whole was refused, while its connection goes on.
    mutating func settleFailed(_ number: UInt64, _ error: WireError, _ now: NIODeadline) {
        guard let batch = settlements.remove(number) else { return }
        for item in batch { refused(item, error, now) }
    }

    /// What was said to be held, with one error or none for each job of it.
    mutating func held(_ holding: Holding, _ errors: [WireError?]) {
        for (job, error) in zip(holding.jobs, errors) where error?.code == .leaseLost {
            lose(JobKey(id: job.id, token: job.token))
        }
    }

    mutating func noteAnswered(_ key: JobKey, leaseLost: Bool) {
        notes.answered(key)
        if leaseLost { return lose(key) }
        guard let job = held[key], case .finished(let verdict) = job.phase, notes.isDone(key) else {
            return
        }
        held[key] = nil
        settle(key, lane: job.lane, isCarried: job.isCarried, verdict)
    }

    private mutating func refused(_ item: PendingSettlement, _ error: WireError, _ now: NIODeadline)
    {
        switch (item.verdict, error.code) {
        case (.extend, .leaseLost):
            lose(item.key)
        case (.extend, _):
            break  // The next renewal is another chance.
        case _ where error.isRetryable:
            let after = Int64(error.retryAfterMilliseconds)
            let time = now + .milliseconds(after > 0 ? after : SettlementQueue.retryMilliseconds)
            settlements.retry(CollectionOfOne(item), at: time)
            schedule(time)
        case (.complete(.some), let code) where code != .leaseLost:
            // The work is done, but the server can't take its result: people must hear of that.
            settle(
                item.key, lane: item.lane, isCarried: item.isCarried,
                .fail(FailureReport.report(error.message, error.code.name)))
        case (_, .leaseLost) where item.isRepeated:
            forget(item)  // Most likely the first one arrived, and only its answer did not.
        default:
            actions.append(.refused(item.key, error))
            forget(item)
        }
    }

    /// Its job is no longer ours, and takes no credit any more.
    private mutating func forget(_ item: PendingSettlement) {
        if item.isCarried { lanes[item.lane].carried -= 1 }
    }

    // MARK: Time

    /// Time has passed: renewals, timeouts, jobs that wait too long, the end of a drain.
    mutating func tick(_ now: NIODeadline) {
        guard nextDeadline <= now else { return }
        nextDeadline = settlements.holdOff ?? .distantFuture
        if link == .up { releaseImpatient(now) }
        for (key, var job) in held {
            if let reason = job.overdue(now, leaseLostAt: leaseLostAt(job)) {
                cancel(key, reason)
                continue
            }
            if link == .up, job.isRenewable, job.renewAt <= now + job.renewalSlack {
                job.scheduleRenewal(now)
                held[key] = job
                let verdict = Settlement.Verdict.extend(milliseconds: job.leaseMilliseconds)
                settle(key, lane: job.lane, isCarried: job.isCarried, verdict)
            }
            schedule(deadline(of: job))
        }
        tickPhase(now)
    }

    /// While the connection is down, the server keeps the leases for its grace, or until they end;
    /// longer nobody may count on them.
    private func leaseLostAt(_ job: HeldJob) -> NIODeadline {
        switch link {
        case .up: .distantFuture
        case .down(let since): max(job.leaseEnds, (since ?? .distantPast) + grace)
        }
    }

    private func deadline(of job: HeldJob) -> NIODeadline {
        let lost = leaseLostAt(job)
        let renewal = link == .up && job.isRenewable ? job.renewAt : .distantFuture
        return switch job.phase {
        case .waiting(let since):
            min(lost, renewal, link == .up ? since + settings.patience : .distantFuture)
        case .running(_, let timeoutAt): min(lost, renewal, timeoutAt ?? .distantFuture)
        case .cancelled(let reason, _): reason == .leaseLost ? .distantFuture : min(lost, renewal)
        case .finished: min(lost, renewal)
        }
    }

    /// No job waits here behind a slow one while another worker may be idle.
    private mutating func releaseImpatient(_ now: NIODeadline) {
        for index in lanes.indices {
            while let first = lanes[index].waiting.first,
                case .waiting(let since) = held[first.key]?.phase, since + settings.patience <= now
            {
                lanes[index].waiting.removeFirst()
                lanes[index].slowDown()
                release(first.key)
            }
        }
    }

    private mutating func tickPhase(_ now: NIODeadline) {
        switch phase {
        case .working, .ended:
            break
        case .draining(let until) where until <= now:
            phase = .ending(until: now + settings.cancelTimeout)
            schedule(now + settings.cancelTimeout)
            for key in held.keys { cancel(key, .shutdown) }
        case .ending(let until) where until <= now:
            leave()
        case .draining(let until), .ending(let until):
            schedule(until)
        }
    }

    private mutating func schedule(_ deadline: NIODeadline) {
        nextDeadline = min(nextDeadline, deadline)
    }

    // MARK: The end

    /// Take nothing more, give back what waits, let handlers finish.
    mutating func shutdown(_ now: NIODeadline) {
        guard phase == .working else { return }
        phase = .draining(until: now + settings.drainTimeout)
        schedule(now + settings.drainTimeout)
        if link == .up { actions.append(.drain) }
        for index in lanes.indices {
            let waiting = lanes[index].waiting
            lanes[index].waiting.removeAll()
            for job in waiting { release(job.key) }
        }
    }

    private mutating func leave() {
        phase = .ended
        nextDeadline = .distantFuture
        actions.append(.leave)
    }

    // MARK: What is to be done

    /// Everything that follows from the events so far.
    mutating func flush(_ now: NIODeadline) -> [WorkerAction] {
        if phase != .ended { startWaiting(now) }
        if link == .up, phase != .ended { tell(now) }
        if isDone { leave() }
        defer { actions.removeAll(keepingCapacity: true) }
        return actions
    }

    private mutating func startWaiting(_ now: NIODeadline) {
        guard link == .up else { return }
        for index in lanes.indices {
            while lanes[index].hasFreeSlot, let job = lanes[index].waiting.popFirst() {
                guard let place = held.index(forKey: job.key) else {
                    preconditionFailure("what waits is held")
                }
                let timeoutAt = held.values[place].start(now)
                lanes[index].running += 1
                schedule(timeoutAt ?? .distantFuture)
                actions.append(.start(job, timeoutAt: timeoutAt))
            }
        }
    }

    private mutating func tell(_ now: NIODeadline) {
        // Less credit first: else what is given back below might come again at once.
        if phase == .working { adjustCredit() }
        while let (number, items) = settlements.takeBatch(itemsMax: batchMax, now: now) {
            actions.append(.settle(number, Settle(items: items)))
        }
        for (key, note) in notes.take() { actions.append(.note(key, note)) }
    }

    private mutating func adjustCredit() {
        for index in lanes.indices where lanes[index].creditGiven != lanes[index].creditWanted {
            let credit = lanes[index].creditWanted
            lanes[index].creditGiven = credit
            actions.append(
                .credit(
                    Credit(
                        subscription: UInt32(index), creditJobs: UInt32(credit),
                        creditBytes: settings.creditBytes)))
        }
    }

    private var isDone: Bool {
        switch phase {
        case .draining, .ending: held.isEmpty && settlements.isEmpty
        case .working, .ended: false
        }
    }

    private mutating func release(_ key: JobKey) {
        guard let job = held.removeValue(forKey: key) else { return }
        settle(key, lane: job.lane, isCarried: job.isCarried, .release)
    }

    private mutating func settle(
        _ key: JobKey, lane: Int, isCarried: Bool, _ verdict: Settlement.Verdict
    ) {
        settlements.add(
            PendingSettlement(key: key, lane: lane, verdict: verdict, isCarried: isCarried))
    }

    /// Somebody else may have the job now.
    private mutating func lose(_ key: JobKey) {
        notes.remove(key)
        cancel(key, .leaseLost)
    }

    private mutating func cancel(_ key: JobKey, _ reason: CancellationReason) {
        guard var job = held[key] else { return }
        if reason == .leaseLost, job.isCarried {
            job.isCarried = false
            lanes[job.lane].carried -= 1
        }
        switch job.phase {
        case .waiting:
            held[key] = nil
            lanes[job.lane].waiting.removeAll { $0.key == key }
            return
        case .running(let since, _):
            job.phase = .cancelled(reason, since: since)
            actions.append(.cancel(key, reason))
        case .cancelled(_, let since) where reason == .leaseLost:
            // Its handler was told to stop already; but what it returns must not be sent any more.
            job.phase = .cancelled(reason, since: since)
        case .finished where reason == .leaseLost:
            held[key] = nil
            actions.append(.outcomesLost(1))
            return
        case .cancelled, .finished:
            return
        }
        held[key] = job
    }

    // MARK: Types

    private enum Link: Equatable {
        /// nil: there never was one.
        case down(since: NIODeadline?)
        case up
    }

    private enum Phase: Equatable {
        case working
        /// Handlers may finish until then.
        case draining(until: NIODeadline)
        /// Handlers are cancelled; what they give back may be settled until then.
        case ending(until: NIODeadline)
        case ended
    }
}

extension WorkerSettings {
    /// The job's own timeout, or the worker's when that is shorter. It counts from the start of the
    /// handler, which the server's grace leaves room for.
    fileprivate func timeout(_ ownMilliseconds: UInt32?) -> TimeAmount? {
        let own = ownMilliseconds.map { TimeAmount.milliseconds(Int64($0)) }
        guard let own, let timeout else { return own ?? timeout }
        return min(own, timeout)
    }
}

extension WireError {
    fileprivate static func answersDiffer(_ items: Int, _ answers: Int) -> WireError {
        WireError(.internal, "the server answered \(answers) settlements of \(items)")
    }
}

extension HeldJob {
    fileprivate var timedOut: MartletWire.JobFailure {
        let seconds = Double(timeout?.nanoseconds ?? 0) / 1e9
        return FailureReport.report("timed out after \(seconds) s", "Timeout")
    }

    /// Renewals that are due soon go along with those that are due now.
    fileprivate var renewalSlack: TimeAmount { .milliseconds(Int64(leaseMilliseconds) / 12) }

    /// Why its handler must stop now, if it must.
    fileprivate func overdue(_ now: NIODeadline, leaseLostAt: NIODeadline) -> CancellationReason? {
        switch phase {
        case .cancelled(.leaseLost, _): nil
        case _ where leaseLostAt <= now: .leaseLost
        case .running(_, .some(let timeoutAt)) where timeoutAt <= now: .timeout
        default: nil
        }
    }
}
