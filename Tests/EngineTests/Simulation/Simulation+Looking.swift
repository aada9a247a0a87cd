import Store

@testable import Engine

extension Simulation {
    /// Looks at a job as this turn has left it, and sometimes goes on watching it.
    func look(_ rows: borrowing Transaction) throws {
        guard let id = dice.pick(model.jobs.keys.sorted()), let job = model.jobs[id] else { return }
        let seen = try harness.engine.inspect(id, withPayload: false, withResult: false, rows)
        try expect(
            seen?.state == job.state, "job \(id) looks \(seen.debugDescription), not \(job)")
        if dice.once(in: 2) { try explain(id, rows) }
        guard dice.once(in: 4), !job.state.isFinished else { return }
        tell("watch job \(id)")
        harness.engine.watched.insert(id)
        model.watched.insert(id)
    }

    private func explain(_ id: UInt64, _ rows: borrowing Transaction) throws {
        let found = try harness.engine.explain(id, rows).map(Reason.init)
        let expected = model.explanation(of: id)
        try expect(
            found == expected,
            "job \(id) is explained by\n\(found.debugDescription), not\n\(expected.debugDescription)"
        )
    }

    // MARK: Events

    /// Begins to watch, again after each restart.
    func watch() {
        guard !harness.engine.events.isOn else { return }
        eventsRead = harness.engine.watchEvents()
    }

    private func compareEvents() throws {
        var filter = EventFilter()
        filter.withProgress = true
        var found: [UInt64: [Model.Event]] = [:]
        let end = harness.engine.readEvents(after: eventsRead, filter) { event in
            found[event.id, default: []].append(Model.Event(kind: event.kind, state: event.state))
            return .next
        }
        for id in Set(found.keys).union(model.events.keys).sorted() {
            let (told, expected) = (found[id] ?? [], model.events[id] ?? [])
            try expect(told == expected, "of job \(id) is told\n\(told), not\n\(expected)")
        }
        eventsRead = end.reached
        model.events = [:]
    }

    // MARK: Everything

    func compare() throws {
        try harness.look { rows in
            for id in lastSeen.union(model.jobs.keys).sorted() { try compare(id, rows) }
            for name in Simulation.queues { try compare(name, rows) }
            for (id, expected) in model.bulks { try compare(id, expected, rows) }
            try compareEvents()
        }
        lastSeen = Set(model.jobs.keys)
        model.bulks = model.bulksGoingOn
        try harness.checkpoint()
        try compareLists()
        try compareGroups()
    }

    private func compare(
        _ id: UInt64, _ bulk: Model.Bulk, _ rows: borrowing Transaction
    ) throws {
        let found = try harness.engine.bulkAction(id, rows)
        try expect(
            found?.progress == bulk.progress && found?.changed == bulk.changed
                && found?.refused == bulk.refused,
            "action \(id) came to \(found.debugDescription), not \(bulk)")
    }

    private func compareLists() throws {
        let filter = dice.filter(model.nextJob)
        let isAscending = dice.once(in: 2)
        let limit = dice.number(1...9)
        var found: [UInt64] = []
        var last: UInt64?
        repeat {
            let page = try harness.list(filter, oldestFirst: isAscending, limit: limit, after: last)
            found += page.ids
            last = page.next
        } while last != nil
        let ascending = model.ids(matching: filter)
        let expected = isAscending ? ascending : ascending.reversed()
        try expect(found == expected, "\(filter) lists \(found), not \(expected)")
        let counted = try harness.count(filter)
        try expect(counted == expected.count, "\(filter) counts \(counted)")
    }

    private func compareGroups() throws {
        let page = try harness.deadGroups()
        for name in Simulation.queues {
            let own = page.groups.filter { $0.queue == name }
            let found = Dictionary(uniqueKeysWithValues: own.map { ($0.fingerprint, $0.jobs) })
            let expected = model.groups(name)
            try expect(found == expected, "\(name) has dead groups \(found), not \(expected)")
        }
    }

    private func compare(_ id: UInt64, _ rows: borrowing Transaction) throws {
        let seen = try harness.engine.inspect(id, withPayload: true, withResult: false, rows)
        guard let job = model.jobs[id] else {
            return try expect(
                seen == nil, "job \(id) is there, and should be gone: \(seen.debugDescription)")
        }
        guard let seen else { return try expect(false, "job \(id) is gone, not \(job)") }
        let (found, expected) = (Sight(seen), Sight(job))
        try expect(found == expected, "job \(id) is\n\(found), not\n\(expected)")
    }

    private func compare(_ name: String, _ rows: borrowing Transaction) throws {
        let queue = try harness.index(name)
        let found = try harness.engine.statistics(queue, rows)
        let model = self.model
        let totals = model.queues[name, default: .init()]
        let counted: [(String, UInt64, UInt64)] = [
            ("scheduled", found.scheduled, model.count(name, .scheduled)),
            ("ready", found.ready, model.count(name, .ready)),
            ("running", found.running, model.count(name, .running)),
            ("completed", found.retained, model.count(name, .completed)),
            ("dead", found.dead, model.count(name, .dead)),
            ("cancelled", found.cancelled, model.count(name, .cancelled)),
            ("expired", found.expired, model.count(name, .expired)),
            ("bytes", found.waitingBytes, model.waitingBytes(name)),
            ("ever submitted", found.totals.submitted, totals.submitted),
            ("ever completed", found.totals.completed, totals.completed),
            ("ever died", found.totals.died, totals.died),
            ("ever cancelled", found.totals.cancelled, totals.cancelled),
            ("ever expired", found.totals.expired, totals.expired),
        ]
        for (what, found, expected) in counted {
            try expect(found == expected, "\(name) has \(found) \(what), not \(expected)")
        }
    }

    /// The rows agree with each other, and are as many as they should be.
    func verify() throws {
        let problems = try harness.problems()
        try expect(problems.isEmpty, problems.joined(separator: "\n"))
    }
}
