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
        for queue in runs.keys { expect(queues[queue] != nil, "ready jobs of no queue \(queue)") }
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
        switch (job.state, job.places.first) {
        case (.ready, .ready), (.ready, .leased): break
        case (.scheduled, .scheduled(let due)):
            expect(due == job.due, "job \(id) says it is due at \(job.due), its timer \(due)")
        case (.completed, .vanishing), (.dead, .vanishing): break
        default: expect(false, "job \(id) is \(job.state), at \(job.places)")
        }
        expect(queues[job.queue] != nil, "job \(id) is of no queue")
    }

    /// Counters say what the rows say. Of a finished job that is damaged nothing says whose it was.
    private mutating func judge(_ id: UInt32, _ queue: QueueRow) {
        var counted = QueueRow(name: queue.name)
        counted.ready = UInt64(ready(id).count)
        for lease in leases.values where lease.queue == id {
            counted.running += UInt64(lease.jobs.count)
        }
        counted.scheduled = UInt64(timers.count { $0.kind == .ready && $0.second == id })
        let own = jobs.values.lazy.filter { $0.queue == id }
        counted.dead = UInt64(own.count { $0.state == .dead })
        counted.retained = UInt64(own.count { $0.state == .completed })
        counted.completed = queue.completed
        if !damaged.isEmpty { (counted.dead, counted.retained) = (queue.dead, queue.retained) }
        expect(counted == queue, "queue \(queue) should be \(counted)")
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
            case .ready, .retention: break
            }
        }
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
