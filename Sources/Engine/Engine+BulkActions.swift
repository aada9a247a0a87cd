package import Store

extension Engine {
    /// Begins an action on all jobs that match when it comes to them and that are there now.
    /// - Parameters:
    ///   - filter: without states it means those that the action can change.
    ///   - rate: jobs a second; 0: as fast as it goes.
    /// - Returns: nil when as many are going on as may.
    package func begin(
        _ action: JobAction, on filter: JobFilter, rate: UInt32, _ rows: borrowing Transaction
    ) throws -> BulkAction? {
        guard actionsGoingOn.count < EngineLimits.actionsMax else { return nil }
        var filter = filter
        let possible = JobFilter.states(action.kind.states)
        filter.states = filter.states == 0 ? possible : filter.states & possible
        let last = try mending(rows) {
            try rows.last(Tables.actions, atOrBefore: .last) { key, _ in try key.u64() }
        }
        // The clock keeps ids ascending when earlier actions are forgotten.
        var begun = BulkAction(
            max((last ?? 0) + 1, stamp.now), action, filter, rate: rate,
            lastJob: counters.nextJob - 1, now: stamp.now)
        if filter.states == 0 { end(&begun, .done) }
        if begun.progress == .goingOn { actionsGoingOn.insert(begun.id) }
        try save(begun, rows)
        try begun.timer.set(rows)
        return begun
    }

    /// How far an action has got; nil when it is not known, or ended more than an hour ago.
    package func bulkAction(
        _ id: UInt64, _ rows: borrowing Transaction
    ) throws -> BulkAction? {
        try mending(rows) {
            try rows.get(Tables.actions, .job(id)) { try BulkAction(id, from: &$0) }
        }
    }

    /// Ends an action before it is through.
    /// - Returns: how far it got.
    package func stopBulkAction(
        _ id: UInt64, _ rows: borrowing Transaction
    ) throws -> BulkAction? {
        guard var action = try bulkAction(id, rows), action.progress == .goingOn else {
            return try bulkAction(id, rows)
        }
        try action.timer.unset(rows)
        end(&action, .stopped)
        try action.timer.set(rows)
        try save(action, rows)
        return action
    }

    private func end(_ action: inout BulkAction, _ progress: BulkAction.Progress) {
        action.progress = progress
        action.finishedAt = stamp.now
        action.timerAt = stamp.now + EngineLimits.actionMemory
        actionsGoingOn.remove(action.id)
        endedActions.append(action.id)
    }

    private func save(_ action: BulkAction, _ rows: borrowing Transaction) throws {
        try rows.put(Tables.actions, .job(action.id)) { action.write(to: &$0) }
    }

    func readBulkActions(_ rows: borrowing Transaction) throws {
        try rows.scan(Tables.actions, from: .job(0)) { key, reader in
            let action = try BulkAction(try key.u64(), from: &reader)
            if action.progress == .goingOn { actionsGoingOn.insert(action.id) }
            return .next
        }
    }

    // MARK: Steps

    /// An action's timer fired: some more jobs, or the end of its memory.
    func continueBulkAction(
        _ timer: Timer, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws {
        try timer.unset(rows)
        guard var action = try bulkAction(timer.first, rows), action.timerAt == timer.due else {
            return
        }
        guard action.progress == .goingOn else {
            _ = try rows.delete(Tables.actions, .job(action.id))
            return
        }
        try step(&action, &steps, rows)
        if action.progress == .goingOn { action.timerAt = action.nextStep(now: stamp.now) }
        try save(action, rows)
        try action.timer.set(rows)
    }

    private func queuesWithJobs(named name: String?) -> [(id: UInt32, row: QueueRow)] {
        if let name {
            guard let queue = knownQueue(named: name) else { return [] }
            return [(queues[queue.value].id, queues[queue.value].row)]
        }
        return queues.lazy.filter { $0.row.jobs > 0 }.map { ($0.id, $0.row) }
    }

    private func step(
        _ action: inout BulkAction, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws {
        let owed = isPlanted(.rateIgnored) ? .max : action.allowance(now: stamp.now)
        let allowance = min(
            owed, EngineLimits.actionJobsPerStep, max(steps.left, 1))
        guard allowance > 0 else { return }
        try writePlaces(rows)
        var search = try JobSearch(
            action.filter, after: action.reached, descending: false, within: 0...action.lastJob,
            queues: queuesWithJobs(named: action.filter.queue), rows)
        let found = try search.find(allowance, rowsMax: EngineLimits.actionRowsPerStep, rows)
        let acted = try act(on: found, &action, steps, rows)
        // Changing a job reads several rows; reading one to see whether it matches is a part of that.
        steps -= 2 * acted + search.looked / 4
        guard acted == found.count else {
            action.looked += UInt64(acted)
            return
        }
        action.looked += UInt64(max(acted, search.jobsRead))
        action.reached = search.reached
        if search.isAtEnd { end(&action, .done) }
    }

    /// Acts on jobs, at least on one, until the turn has changed as much as it may.
    /// - Returns: on how many of them.
    private func act(
        on jobs: [UInt64], _ action: inout BulkAction, _ steps: Steps,
        _ rows: borrowing Transaction
    ) throws -> Int {
        for (index, id) in jobs.enumerated() {
            if index > 0, !steps.areLeft(rows) { return index }
            switch try act(action.action, on: id, rows) {
            case .done: action.changed += 1
            default: action.refused += 1
            }
            action.reached = id
        }
        return jobs.count
    }
}
