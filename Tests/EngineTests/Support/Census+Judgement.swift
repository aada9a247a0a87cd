import Store

@testable import Engine

// What must be true of the rows after every turn.

extension Census {
    mutating func judge(_ numbers: Counters, ending: Set<UInt64>) {
        for (id, job) in jobs where !damaged.contains(id) { judge(id, job) }
        for (id, queue) in queues { judge(id, queue) }
        judgeTimers(ending: ending)
        judgePieces()
        for id in progress {
            expect(
                isLeased(id) || damaged.contains(id), "progress of job \(id), which does not run")
        }
        judgeJobTimers()
        for queue in runs.keys { expect(queues[queue] != nil, "ready jobs of no queue \(queue)") }
        for queue in timedQueues { expect(queues[queue] != nil, "times of no queue \(queue)") }
        expect(numbers.nextJob > (jobs.keys.max() ?? 0), "a job's id will be given again")
        expect(numbers.nextQueue > (queues.keys.max() ?? 0), "a queue's id will be given again")
        let tokens = leases.keys.map(\.token)
        expect(numbers.nextToken > (tokens.max() ?? 0), "a lease token will be given again")
    }

    private func isLeased(_ id: UInt64) -> Bool {
        guard case .leased = jobs[id]?.places.first else { return false }
        return true
    }

    /// Each job is in exactly one place, the one that its state says.
    private mutating func judge(_ id: UInt64, _ job: Job) {
        expect(job.places.count == 1, "job \(id) is \(job.state), at \(job.places)")
        switch (job.state.isFinished, job.places.first) {
        case (false, .ready), (false, .leased): break
        case (false, .scheduled(let due)):
            expect(due == job.due, "job \(id) says it is due at \(job.due), its timer \(due)")
        case (true, .vanishing(let due)):
            expect(due == job.vanishAt, "job \(id) vanishes at \(job.vanishAt), its timer \(due)")
        default: expect(false, "job \(id) is \(job.state), at \(job.places)")
        }
        expect(queues[job.queue] != nil, "job \(id) is of no queue")
        let keys = keyHolders[id, default: 0]
        expect(
            keys == (job.keyFreeAt == nil ? 0 : 1),
            "job \(id) holds \(keys) keys, its row says \(job.keyFreeAt ?? 0)")
    }

    /// Timers of jobs are for those that wait for them, and each of these has its own.
    private mutating func judgeJobTimers() {
        let kinds: [TimerKind] = [.ready, .retention, .expiry]
        for kind in kinds {
            for (id, timers) in jobTimers[kind, default: [:]] {
                expect(timers.count == 1, "job \(id) has \(timers.count) timers of \(kind)")
                guard let job = jobs[id], let timer = timers.first, !damaged.contains(id) else {
                    expect(damaged.contains(id), "a timer of \(kind) is for no job \(id)")
                    continue
                }
                expect(has(job, timer), "job \(id) is \(job), and has \(timer)")
            }
        }
        for (id, job) in jobs where !damaged.contains(id) {
            guard job.expiresAt != nil, !job.state.isFinished, !isLeased(id) else { continue }
            expect(jobTimers[.expiry]?[id] != nil, "job \(id) will not expire")
        }
        for id in keyHolders.keys {
            expect(jobs[id] != nil || damaged.contains(id), "a key is held by no job \(id)")
        }
    }

    private func has(_ job: Job, _ timer: Timer) -> Bool {
        guard timer.queue == job.queue else { return false }
        switch (timer.kind, job.places.first) {
        case (.ready, .scheduled): return timer.order == job.order && timer.due == job.due
        case (.retention, .vanishing): return timer.state == job.state.finished
        case (.expiry, _): return !job.state.isFinished && timer.due == job.expiresAt
        default: return false
        }
    }

    /// Jobs that wait for a timer of their own, by its instant.
    private mutating func judgeSingleTimers(_ kind: TimerKind, _ due: (Job) -> UInt64?) {
        var expected: [UInt64: UInt64] = [:]
        for (id, job) in jobs where !damaged.contains(id) { expected[id] = due(job) }
        var found: [UInt64: UInt64] = [:]
        for timer in timers where timer.kind == kind && !damaged.contains(timer.first) {
            expect(found[timer.first] == nil, "job \(timer.first) has two timers of \(kind)")
            found[timer.first] = timer.due
        }
        expect(found == expected, "timers of \(kind) are \(found), should be \(expected)")
    }

    /// Counters say what the rows say. Of a finished job that is damaged nothing says whose it was.
    private mutating func judge(_ id: UInt32, _ queue: QueueRow) {
        var counted = QueueRow(name: queue.name)
        counted.ready = UInt64(ready(id).count)
        for lease in leases.values where lease.queue == id {
            counted.running += UInt64(lease.jobs.count)
        }
        let own = jobs.filter { $0.value.queue == id }
        counted.scheduled = UInt64(own.count { isScheduled($0.value) })
        counted.dead = UInt64(own.count { $0.value.state == .dead })
        counted.retained = UInt64(own.count { $0.value.state == .completed })
        counted.cancelled = UInt64(own.count { $0.value.state == .cancelled })
        counted.expired = UInt64(own.count { $0.value.state == .expired })
        for (key, job) in own where !job.state.isFinished && !isLeased(key) {
            counted.waitingBytes += UInt64(job.payloadBytes)
        }
        counted.totals = queue.totals
        counted.settings = queue.settings
        if !damaged.isEmpty {
            (counted.dead, counted.retained) = (queue.dead, queue.retained)
            (counted.scheduled, counted.waitingBytes) = (queue.scheduled, queue.waitingBytes)
        }
        expect(counted == queue, "queue \(queue) should be \(counted)")
    }

    private func isScheduled(_ job: Job) -> Bool {
        guard case .scheduled = job.places.first else { return false }
        return true
    }

    /// Whatever waits for an instant has its timer, and no timer is for nothing.
    private mutating func judgeTimers(ending: Set<UInt64>) {
        var leaseTimers: [LeaseKey: [UInt64]] = [:]
        var sessionTimers: [UInt64: [UInt64]] = [:]
        var producerTimers: [UInt64: Int] = [:]
        for timer in timers {
            switch timer.kind {
            case .lease:
                leaseTimers[LeaseKey(first: timer.first, token: timer.second), default: []].append(
                    timer.due)
            case .session: sessionTimers[timer.first, default: []].append(timer.due)
            case .producer: producerTimers[timer.first, default: 0] += 1
            case .ready, .retention, .expiry, .unique, .cancel, .action: break
            }
        }
        judgeSingleTimers(.unique) { $0.keyFreeAt == 0 ? nil : $0.keyFreeAt }
        judgeSingleTimers(.cancel) { $0.cancelEndsAt == 0 ? nil : $0.cancelEndsAt }
        for (key, lease) in leases {
            expect(
                leaseTimers[key] == [lease.timerAt],
                "timers of lease \(key): \(leaseTimers[key] ?? [])")
        }
        let known = Set(leases.keys).union(damagedLeases)
        expect(known.isSuperset(of: leaseTimers.keys), "a lease's timer has no lease")
        let inGrace = sessions.filter { $0.value > 0 && !ending.contains($0.key) }
        expect(sessionTimers == inGrace.mapValues { [$0] }, "timers of sessions: \(sessionTimers)")
        expect(
            producerTimers == Dictionary(uniqueKeysWithValues: producers.map { ($0, 1) }),
            "timers of producers: \(producerTimers)")
    }

    private mutating func judgePieces() {
        var expected = Set<Piece>()
        for (id, job) in jobs {
            for (part, bytes) in job.pieces {
                let owner = part == .result ? job.stagedResult ?? id : id
                let piece = Piece(job: owner, part: part)
                expected.insert(piece)
                let stored = pieces[piece, default: [:]]
                let isWhole =
                    stored.values.reduce(0, +) == bytes
                    && Set(stored.keys) == Set(0..<UInt32(stored.count))
                expect(
                    isWhole || damaged.contains(id),
                    "job \(id) lacks some of \(bytes) bytes in pieces")
            }
        }
        for piece in pieces.keys where !expected.contains(piece) {
            let isKnown = damaged.contains(piece.job) || staged.contains(piece.job)
            expect(isKnown, "pieces of \(piece) belong to nothing")
        }
    }
}
