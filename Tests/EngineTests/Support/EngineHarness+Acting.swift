import Store

@testable import Engine

extension EngineHarness {
    // MARK: Acting

    /// Of the last turn.
    var cancels: [CancelNotice] { engine.cancels }

    @discardableResult
    func act(_ action: JobAction, on id: UInt64) throws -> JobActionOutcome {
        try turn { rows in try engine.act(action, on: id, rows) }
    }

    @discardableResult
    func act(_ kind: JobAction.Kind, on id: UInt64) throws -> JobActionOutcome {
        try act(JobAction(kind), on: id)
    }

    @discardableResult
    func cancel(
        _ id: UInt64, grace: UInt64 = 10_000, _ reason: String = "not needed"
    ) throws -> JobActionOutcome {
        var action = JobAction(.cancel)
        action.reason = reason
        action.grace = grace
        return try act(action, on: id)
    }

    @discardableResult
    func edit(_ id: UInt64, _ change: (inout JobEdit) -> Void) throws -> JobActionOutcome {
        try turn { rows in
            var edit = JobEdit()
            change(&edit)
            return try engine.edit(id, edit, rows)
        }
    }

    /// The bytes of tags on the wire.
    func tags(_ tags: String...) -> UnsafeRawBufferPointer {
        arena.copy(tags.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) })
    }

    /// Delivers a job and lets it end as told.
    func run(_ id: UInt64, _ outcome: Outcome, queue: String = "mail") throws {
        let delivery = try deliver(queue)
        for other in delivery.ids where other != id {
            try settle(other, delivery.token, .release)
        }
        try settle(id, delivery.token, outcome)
    }

    // MARK: Acting on many

    func begin(
        _ action: JobAction, on filter: JobFilter, rate: UInt32 = 0
    ) throws -> BulkAction? {
        try turn { rows in try engine.begin(action, on: filter, rate: rate, rows) }
    }

    func bulkAction(_ id: UInt64) throws -> BulkAction? {
        try look { rows in try engine.bulkAction(id, rows) }
    }

    // MARK: Notes

    func log(_ id: UInt64, _ token: UInt64, by session: UInt64 = 1, _ lines: String...) throws
        -> Bool
    {
        try log(id, token, by: session, lines)
    }

    func log(_ id: UInt64, _ token: UInt64, by session: UInt64 = 1, _ lines: [String]) throws
        -> Bool
    {
        try turn { rows in
            let lines = lines.map { arena.copy($0) }
            return try engine.log(id, token: token, session: session, lines: lines, rows)
        }
    }

    func logPage(_ id: UInt64, from offset: UInt64 = 0, limit: Int = 1_000) throws -> LogPage? {
        try look { rows in try JobInspector.log(of: id, from: offset, limit: limit, rows) }
    }

    func checkpoint(
        _ id: UInt64, _ token: UInt64, by session: UInt64 = 1, _ bytes: [UInt8]
    ) throws -> Bool {
        try turn { rows in
            try engine.checkpoint(id, token: token, session: session, arena.copy(bytes), rows)
        }
    }

    func deadGroups(
        queue: String? = nil, limit: Int = 500, after: DeadGroupPage.Cursor? = nil
    ) throws -> DeadGroupPage {
        try checkpoint()
        return try store.snapshot { snapshot in
            try JobInspector.deadGroups(queue: queue, limit: limit, after: after, snapshot)
        }
    }

    func explain(_ id: UInt64) throws -> Explanation? {
        try look { rows in try engine.explain(id, rows) }
    }

    // MARK: Searching

    /// All ids that match, page by page, as of now.
    func search(
        _ filter: JobFilter, oldestFirst: Bool = true, limit: Int = 3
    ) throws -> [UInt64] {
        try checkpoint()
        var ids: [UInt64] = []
        var after: UInt64?
        repeat {
            let request = JobListRequest(
                filter, oldestFirst: oldestFirst, limit: limit, after: after)
            let page = try store.snapshot { try JobInspector.list(request, $0) }
            ids += page.ids
            after = page.next
        } while after != nil
        return ids
    }

    /// How many match, as of now.
    func count(_ filter: JobFilter) throws -> Int {
        try checkpoint()
        var count = 0
        var after: UInt64?
        repeat {
            let request = JobListRequest(
                filter, oldestFirst: true, limit: 1, after: after, countsOnly: true)
            let page = try store.snapshot { try JobInspector.list(request, $0) }
            count += page.matched
            after = page.next
        } while after != nil
        return count
    }
}

extension EngineHarness {
    /// A job in every state that there is.
    func submitOneOfEach() throws -> [(state: JobState, id: UInt64)] {
        let once = JobOptions(maxAttempts: 1)
        var expiring = JobOptions()
        expiring.timeToLive = 10
        var later = JobOptions()
        later.delay = 1_000_000
        try submit("one", count: 3, options: once)
        let delivery = try deliver("one")
        try settle(1, delivery.token)
        try settle(2, delivery.token, .fail())
        try submit("mail", options: expiring)
        try advance(10)
        try submit("mail", count: 2)
        try cancel(5)
        try submit("mail", options: later)
        return [
            (.completed, 1), (.dead, 2), (.running, 3), (.expired, 4), (.cancelled, 5), (.ready, 6),
            (.scheduled, 7),
        ]
    }
}
