import NIOCore

/// Whoever waits for something until a deadline, each under its number.
struct WaitTable<Waiter> {
    private var entries: [UInt64: Entry] = [:]
    /// No deadline is earlier than this. It may be earlier than all of them: taking a waiter out
    /// does not look for the next one, so that the common case, an answer in time, costs no search.
    private(set) var earliestDeadline = NIODeadline.distantFuture
    /// No waiter has a lower number.
    private var lowestNumber: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    mutating func insert(_ waiter: Waiter, number: UInt64, deadline: NIODeadline) {
        entries[number] = Entry(waiter: waiter, deadline: deadline)
        earliestDeadline = min(earliestDeadline, deadline)
    }

    mutating func remove(_ number: UInt64) -> Waiter? {
        entries.removeValue(forKey: number)?.waiter
    }

    /// Takes out the waiter that came first. Numbers must ascend in the order of insertion.
    mutating func popFirst() -> Waiter? {
        guard !entries.isEmpty else { return nil }
        while true {
            defer { lowestNumber += 1 }
            if let first = remove(lowestNumber) { return first }
        }
    }

    /// Takes out all waiters, in the order of their numbers.
    mutating func removeAll() -> [Waiter] {
        let all = entries.sorted { $0.key < $1.key }.map(\.value.waiter)
        entries.removeAll()
        earliestDeadline = .distantFuture
        return all
    }

    /// Takes out those whose deadline has come, in the order of their numbers.
    mutating func removeExpired(_ now: NIODeadline) -> [Waiter] {
        guard earliestDeadline <= now else { return [] }
        let expired = entries.filter { $0.value.deadline <= now }.sorted { $0.key < $1.key }
        for (number, _) in expired { entries[number] = nil }
        earliestDeadline = entries.values.map(\.deadline).min() ?? .distantFuture
        return expired.map(\.value.waiter)
    }

    private struct Entry {
        let waiter: Waiter
        let deadline: NIODeadline
    }
}
