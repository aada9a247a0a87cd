import Store

@testable import Engine

// What must be true of the rows after every turn.

extension Census {
    mutating func judge(_ numbers: Counters) {
        for (id, job) in jobs { judge(id, job) }
        for (id, queue) in queues { judge(id, queue) }
        judgeTimers()
        judgePieces()
        for id in progress {
            expect(
                isLeased(id) || setAside.contains(id), "progress of job \(id), which does not run")
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

    /// Counters say what the rows say.
    private mutating func judge(_ id: UInt32, _ queue: QueueRow) {
        var counted = QueueRow(name: queue.name)
        counted.completed = queue.completed
        for (job, row) in jobs where row.queue == id {
            switch row.state {
            case .scheduled: counted.scheduled += 1
            case .dead: counted.dead += 1
            case .completed: counted.retained += 1
            default: if isLeased(job) { counted.running += 1 } else { counted.ready += 1 }
            }
        }
        expect(counted == queue, "queue \(queue) should be \(counted)")
    }

    /// Whatever waits for an instant has its timer, and no timer is for nothing.
    private mutating func judgeTimers() {
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
        expect(leaseTimers.count == leases.count, "a lease's timer has no lease")
        let inGrace = sessions.filter { $0.value > 0 }
        expect(sessionTimers == inGrace.mapValues { [$0] }, "timers of sessions: \(sessionTimers)")
        expect(
            producerTimers == Dictionary(uniqueKeysWithValues: producers.map { ($0, 1) }),
            "timers of producers: \(producerTimers)")
    }

    private mutating func judgePieces() {
        var expected = Set<Piece>()
        for (id, job) in jobs {
            for (part, bytes) in job.pieces {
                let piece = Piece(job: id, part: part)
                expected.insert(piece)
                let stored = pieces[piece, default: []].reduce(0, +)
                expect(stored == bytes, "job \(id) has \(stored) bytes in pieces of \(bytes)")
            }
        }
        for piece in pieces.keys where !expected.contains(piece) {
            expect(setAside.contains(piece.job), "pieces of \(piece) belong to nothing")
        }
    }
}
