import Store

@testable import Engine

extension Simulation {
    /// A job that is there, or has been.
    private func anyJob() -> UInt64? {
        dice.once(in: 8) ? dice.pick(1...model.nextJob) : dice.pick(model.jobs.keys.sorted())
    }

    private func expect(
        _ answer: JobActionOutcome, _ expected: JobActionOutcome, _ what: @autoclosure () -> String
    ) throws {
        tell("\(what()): \(answer)")
        try expect(answer == expected, "\(what()): \(answer), not \(expected)")
    }

    func cancel(_ rows: borrowing Transaction) throws {
        guard let id = anyJob() else { return }
        let grace = UInt64(dice.pick([0, 500, 3_000, 20_000]) ?? 0)
        let expected = model.cancel(id, grace: grace, reason: "not wanted")
        let answer = try harness.cancel(id, grace: grace, reason: "not wanted", rows)
        try expect(answer, expected, "cancel job \(id), grace \(grace)")
    }

    func retry(_ rows: borrowing Transaction) throws {
        guard let id = anyJob() else { return }
        let keeps = dice.once(in: 2)
        let instant = dice.once(in: 3) ? harness.now + UInt64(dice.number(0...4_000)) : 0
        let expected = model.retry(id, keepsCounters: keeps, at: instant)
        let answer = try harness.retry(id, keepsCounters: keeps, at: instant, rows)
        try expect(answer, expected, "retry job \(id), keeping counters \(keeps), at \(instant)")
    }

    func edit(_ rows: borrowing Transaction) throws {
        guard let id = anyJob() else { return }
        if dice.once(in: 2) {
            let priority = dice.pick([UInt8(0), 128, 255]) ?? 0
            let expected = model.reprioritise(id, to: priority)
            let answer = try harness.reprioritise(id, to: priority, rows)
            return try expect(answer, expected, "reprioritise job \(id) to \(priority)")
        }
        var change = Model.Change()
        if dice.once(in: 2) { change.priority = dice.pick([1, 128, 200]) }
        if dice.once(in: 3) { change.delay = UInt64(dice.number(0...4_000)) }
        if dice.once(in: 3) { change.expires = UInt64(dice.number(1...6_000)) }
        if dice.once(in: 3) { change.tags = ["blue", "green"] }
        if dice.once(in: 3) { change.headers = dice.pick([[], ["color", "green"]]) }
        if dice.once(in: 3) { change.payload = dice.payload() }
        let expected = model.edit(id, change)
        let answer = try harness.edit(id, change, rows)
        try expect(answer, expected, "edit job \(id): \(change)")
    }

    func delete(_ rows: borrowing Transaction) throws {
        guard let id = anyJob() else { return }
        let alsoWaiting = dice.once(in: 3)
        let expected = model.delete(id, alsoWaiting: alsoWaiting)
        let answer = try harness.delete(id, alsoWaiting: alsoWaiting, rows)
        try expect(answer, expected, "\(alsoWaiting ? "purge" : "delete") job \(id)")
    }

    // MARK: Queues

    func changeQueue(_ rows: borrowing Transaction) throws {
        guard let name = dice.pick(Simulation.queues) else { return }
        let queue = try harness.index(name)
        let engine = harness.engine
        switch dice.number(1...8) {
        case 1:
            tell("pause \(name)")
            try engine.pause(queue, by: "me", reason: "rest", rows)
            model.queues[name, default: .init()].isPaused = true
        case 2...3:
            tell("resume \(name)")
            try engine.resume(queue, rows)
            model.queues[name, default: .init()].isPaused = false
        case 4...5:
            let drains = dice.once(in: 3)
            tell("drain \(name): \(drains)")
            try engine.setDraining(queue, drains, rows)
            model.queues[name, default: .init()].isDraining = drains
        case 6: try delete(name, queue, rows)
        default: try set(name, queue, rows)
        }
    }

    private func delete(_ name: String, _ queue: QueueIndex, _ rows: borrowing Transaction) throws {
        let isForced = dice.once(in: 3)
        let left = try harness.engine.deleteQueue(queue, force: isForced, rows)
        tell("delete queue \(name), forced \(isForced): \(left) jobs")
        let expected = model.deleteQueue(name, force: isForced)
        try expect(left == expected, "\(left) jobs keep \(name), not \(expected)")
    }

    private func set(_ name: String, _ queue: QueueIndex, _ rows: borrowing Transaction) throws {
        let depth = UInt64(dice.pick([0, 0, 3, 10]) ?? 0)
        let bytes = UInt64(dice.pick([0, 0, 20, 3_000]) ?? 0)
        let isLIFO = dice.once(in: 2)
        var defaults = dice.wish()
        (defaults.delay, defaults.unique, defaults.tags, defaults.headers) = (nil, nil, [], [])
        if dice.once(in: 2) { defaults = Wish() }
        tell("set \(name): \(depth) jobs, \(bytes) bytes, LIFO \(isLIFO), \(defaults)")
        var settings = harness.engine.settings(of: queue)
        settings.depthMax = depth
        settings.bytesMax = bytes
        settings.order = isLIFO ? .lifo : .fifo
        settings.defaults = defaults.options(now: 0)
        try harness.engine.set(settings, of: queue, rows)
        model.queues[name, default: .init()].depthMax = depth
        model.queues[name, default: .init()].bytesMax = bytes
        model.queues[name, default: .init()].isLastInFirstOut = isLIFO
        model.queues[name, default: .init()].defaults = defaults
    }

    // MARK: Many at once

    func actOnAll(_ rows: borrowing Transaction) throws {
        var action = JobAction(dice.pick(JobAction.Kind.allCases) ?? .cancel)
        action.grace = UInt64(dice.pick([0, 2_000]) ?? 0)
        action.keepsCounters = dice.once(in: 2)
        action.priority = dice.pick([3, 128, 250]) ?? 128
        let filter = dice.filter(model.nextJob)
        let rate = UInt32(dice.pick([0, 0, 2, 20]) ?? 0)
        let begun = try harness.engine.begin(action, on: filter, rate: rate, rows)
        tell("\(action) on \(filter), \(rate) a second")
        let isPossible = model.bulksGoingOn.count < EngineLimits.actionsMax
        try expect((begun != nil) == isPossible, "an action began: \(begun != nil)")
        guard let begun else { return }
        var bulk = Model.Bulk(
            action: action, filter: filter, rate: UInt64(rate), lastJob: model.nextJob - 1,
            startedAt: harness.now, next: harness.now)
        let named = filter.states
        let isVoid = named != 0 && named & JobFilter.states(action.kind.states) == 0
        if isVoid { bulk.progress = .done }
        model.bulks[begun.id] = bulk
    }

    /// Ends an action before it is through.
    func stopAction(_ rows: borrowing Transaction) throws {
        guard let id = dice.pick(model.bulksGoingOn.keys.sorted()) else { return }
        tell("action \(id) is stopped")
        let stopped = try harness.engine.stopBulkAction(id, rows)
        model.bulks[id]?.progress = .stopped
        try expect(stopped?.progress == .stopped, "action \(id) is \(stopped.debugDescription)")
    }
}

extension Dice {
    /// Some jobs, mostly not all.
    mutating func filter(_ nextJob: UInt64) -> JobFilter {
        var filter = JobFilter(queue: once(in: 2) ? pick(Simulation.queues) : nil)
        if once(in: 2) {
            let states = JobState.allCases.filter { $0 != .held && number(1...2) == 1 }
            filter.states = JobFilter.states(states)
        }
        if once(in: 5) { filter.tag = "red" }
        if once(in: 5) { filter.uniqueKey = "a" }
        if once(in: 5) { filter.fingerprint = 1 }
        if once(in: 5) { filter.sessions = [UInt64(number(1...4))] }
        if once(in: 3) {
            let first = UInt64(number(1...Int(nextJob)))
            filter.ids = first...first + UInt64(number(0...30))
        }
        return filter
    }
}
