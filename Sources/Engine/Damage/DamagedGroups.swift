import Store

/// How far the groups of a queue's dead jobs have been counted anew.
struct GroupRecount {
    var queue: UInt32
    /// Whether the old groups are gone.
    var isCleared = false
    /// Jobs before this one are counted.
    var next: UInt64 = 0
}

extension Key {
    /// Says that a queue's groups are being counted anew. The list is kept under the queue that is none.
    static func recounting(_ queue: UInt32) -> Key { group(0, UInt64(queue)) }
}

/// A dead job whose record is damaged does not say of which group it was, and a damaged group not how
/// many jobs it had. The queue's groups are then counted anew from its dead jobs, some in each turn;
/// meanwhile they are incomplete. What dies, or leaves, counts as soon as the walk has passed its place.
extension Engine {
    func mendGroup(_ key: [UInt8], _ error: StoreError, _ rows: borrowing Transaction) throws {
        let sentence = "a group of dead jobs is set aside and counted anew"
        guard try setAside(Tables.groups, Key(key), sentence, error, rows) else { throw error }
        let queue = UInt32(number(key, 0, bytes: 4))
        // A damaged row of the list itself names its queue behind that.
        try recountGroups(
            ofQueue: queue > 0 ? queue : UInt32(truncatingIfNeeded: number(key, 4)), rows)
    }

    /// Begins to count, or begins again.
    func recountGroups(ofQueue queue: UInt32, _ rows: borrowing Transaction) throws {
        recounts.removeAll { $0.queue == queue }
        recounts.append(GroupRecount(queue: queue))
        try rows.put(Tables.groups, .recounting(queue)) { _ in }
    }

    /// A job is set aside: when it was a dead one, its group must do without it.
    func recountGroups(without id: UInt64, _ rows: borrowing Transaction) throws {
        for queue in queues where queue.row.dead > 0 && !queue.isDeleted {
            let place = IndexPlace(queue.id, .dead)
            guard try mending(rows, { try place.contains(id, rows) }) else { continue }
            let isCounted = recount(ofQueue: queue.id)?.hasCounted(id) ?? true
            return isCounted ? try recountGroups(ofQueue: queue.id, rows) : ()
        }
    }

    private func recount(ofQueue queue: UInt32) -> GroupRecount? {
        recounts.first { $0.queue == queue }
    }

    /// Whether a dead job joins and leaves its group: while the groups are counted anew, only once it
    /// was counted.
    func isInGroups(_ id: UInt64, ofQueue queue: UInt32) -> Bool {
        recounts.isEmpty || recount(ofQueue: queue)?.hasCounted(id) ?? true
    }

    /// Goes on with what a broker before this one began.
    func readRecounts(_ rows: borrowing Transaction) throws {
        var found: [GroupRecount] = []
        try rows.scan(Tables.groups, from: .recounting(0), to: .group(1, 0)) { key, _ in
            _ = try key.u32()
            found.append(GroupRecount(queue: UInt32(truncatingIfNeeded: try key.u64())))
            return .next
        }
        recounts = found
    }

    /// Counts, as far as steps allow.
    func continueRecounts(_ steps: inout Steps, _ rows: borrowing Transaction) throws {
        while steps.areLeft(rows), let queue = recounts.first?.queue {
            try writePendingRuns(rows)
            let isDone = try mending(rows) { try continueRecount(ofQueue: queue, &steps, rows) }
            if isDone { try forgetRecount(ofQueue: queue, rows) }
        }
    }

    func forgetRecount(ofQueue queue: UInt32, _ rows: borrowing Transaction) throws {
        guard recount(ofQueue: queue) != nil else { return }
        recounts.removeAll { $0.queue == queue }
        _ = try rows.delete(Tables.groups, .recounting(queue))
    }

    // MARK: Steps

    /// - Returns: whether everything is counted.
    private func continueRecount(
        ofQueue queue: UInt32, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws -> Bool {
        // Damage found on the way begins it again, behind the others.
        guard let place = recounts.firstIndex(where: { $0.queue == queue }) else { return false }
        if recounts[place].isCleared { return try count(place, &steps, rows) }
        recounts[place].isCleared = try clearGroups(ofQueue: queue, &steps, rows)
        return false
    }

    /// - Returns: whether no group is left.
    private func clearGroups(
        ofQueue queue: UInt32, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws -> Bool {
        var keys: [Key] = []
        let end = Key.group(queue, .max).adding(u8: 0)
        try rows.scan(Tables.groups, from: .group(queue, 0), to: end) { key, _ in
            keys.append(key.whole)
            return keys.count < steps.left ? .next : .stop
        }
        for key in keys { _ = try rows.delete(Tables.groups, key) }
        steps -= keys.count
        return steps.left > 0
    }

    /// - Returns: whether every dead job is counted.
    private func count(
        _ place: Int, _ steps: inout Steps, _ rows: borrowing Transaction
    ) throws -> Bool {
        let queue = recounts[place].queue
        let dead = WalkTargets(indexed: [(queue, .dead)])
        var walk = try JobWalk(dead, from: recounts[place].next, descending: false, rows)
        while steps.areLeft(rows) {
            steps -= 1
            switch try walk.next(UInt64(steps.left + 1), rows) {
            case .end: return true
            case .reached: continue
            case .run(let ids):
                steps -= ids.count - 1
                for id in ids {
                    let row = try load(id, rows)
                    if let row { try addToGroup(id, row, at: row.history?.finishedAt ?? 0, rows) }
                    guard recounts[place].queue == queue, recounts[place].isCleared else {
                        return false
                    }
                    recounts[place].next = id + 1
                }
            }
        }
        return false
    }
}

extension GroupRecount {
    fileprivate func hasCounted(_ id: UInt64) -> Bool { isCleared && id < next }
}
