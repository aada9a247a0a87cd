import Store

extension Repair {
    /// Timers of what is not a job, each from its own row.
    func restoreOtherTimers() throws {
        try walk(Tables.leases) { key, row, _ in
            let key = try LeaseKey(from: &key)
            let timer = try LeaseRow(from: &row).timer(key)
            return .also { try timer.set($0) }
        }
        try walk(Tables.sessions) { key, row, _ in
            let id = try key.u64()
            _ = try row.u64()
            let graceEnds = try row.u64()
            guard graceEnds > 0, graceEnds != Session.hasEnded else { return nil }
            return .also { try Timer(due: graceEnds, kind: .session, id).set($0) }
        }
        try walk(Tables.producers) { key, row, _ in
            let id = try key.u64()
            let due = try Producer(from: &row).lastUsed + EngineLimits.producerMemory
            return .also { try Timer(due: due, kind: .producer, id).set($0) }
        }
        try walk(Tables.actions) { key, row, _ in
            let timer = try BulkAction(try key.u64(), from: &row).timer
            return .also { try timer.set($0) }
        }
    }

    /// Writes what the jobs came to.
    func writeSums() throws {
        try turn { rows in
            for (id, queue) in queues {
                try rows.put(Tables.queues, .queue(id)) { queue.write(to: &$0) }
                try rows.put(Tables.names, .queue(id)) { $0.string8(queue.name) }
            }
        }
        try turn { rows in
            for (key, group) in groups {
                let key = Key.group(key.queue, key.fingerprint)
                try rows.put(Tables.groups, key) { group.write(to: &$0) }
            }
        }
        var highestToken: UInt64 = 0
        try walk(Tables.leases) { key, _, _ in
            highestToken = max(highestToken, try LeaseKey(from: &key).token)
            return nil
        }
        try turn { rows in
            var counters = try Counters(reading: rows)
            if try !rows.contains(Tables.counters, Counters.key) { counters.leap(to: now) }
            counters.raise(
                aboveJob: highestJob, token: highestToken, queue: queues.keys.max() ?? 0)
            try counters.write(rows)
        }
    }
}

extension Counters {
    /// Puts job ids and tokens behind all that can have been given out: no row may remember the last of
    /// them, but the clock bounds them.
    mutating func leap(to now: UInt64) {
        nextJob = max(nextJob, now << EngineLimits.jobsPerMillisecondBits)
        nextToken = max(nextToken, now << EngineLimits.tokensPerMillisecondBits)
    }

    /// No number is given out that is in use.
    fileprivate mutating func raise(aboveJob job: UInt64, token: UInt64, queue: UInt32) {
        nextJob = max(nextJob, job + 1)
        nextToken = max(nextToken, token + 1)
        nextQueue = max(nextQueue, queue + 1)
    }
}

extension QueueRow {
    /// Name, settings and totals stay; what is there now is counted anew.
    mutating func forgetCounts() {
        var fresh = QueueRow(name: name)
        fresh.settings = settings
        fresh.totals = totals
        self = fresh
    }
}
