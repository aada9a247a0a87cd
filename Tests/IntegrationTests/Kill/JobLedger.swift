import Foundation

/// The independent record of a kill test: what the broker has promised, and what it broke.
///
/// `@unchecked Sendable`: every field belongs to whoever holds `condition`.
final class JobLedger: @unchecked Sendable {
    private let condition = NSCondition()
    /// Acknowledged jobs: their ids and the numbers in their payloads.
    private var numbers: [UInt64: UInt64] = [:]
    private var idsByNumber: [UInt64: UInt64] = [:]
    /// Jobs whose completion was acknowledged.
    private var completed: Set<UInt64> = []
    private var lastToken: [UInt64: UInt64] = [:]
    private var events = 0
    private var violations: [String] = []

    /// A submission was acknowledged.
    func acknowledged(id: UInt64, number: UInt64) {
        record {
            if let other = idsByNumber[number], other != id {
                violations.append("job number \(number) was accepted as \(other) and as \(id)")
            }
            if let other = numbers[id], other != number {
                violations.append("id \(id) was given to numbers \(other) and \(number)")
            }
            numbers[id] = number
            idsByNumber[number] = id
        }
    }

    func delivered(_ delivery: RawConnection.Delivery) {
        record {
            if completed.contains(delivery.id) {
                violations.append("job \(delivery.id) was delivered after its completion")
            }
            if let last = lastToken[delivery.id], delivery.token <= last {
                violations.append("job \(delivery.id) got token \(delivery.token) after \(last)")
            }
            lastToken[delivery.id] = delivery.token
        }
    }

    /// A completion was acknowledged.
    func completed(id: UInt64) {
        record {
            if !completed.insert(id).inserted { violations.append("job \(id) was completed twice") }
        }
    }

    /// A settlement with a token that is known to be stale was answered.
    func staleSettlement(id: UInt64, code: UInt16) {
        record {
            if code == 0 { violations.append("a stale token settled job \(id)") }
        }
    }

    /// Blocks until that many things have happened since the test began.
    func wait(forEvents count: Int, patience: TimeInterval = 60) throws {
        let deadline = Date(timeIntervalSinceNow: patience)
        try condition.withLock {
            while events < count {
                guard condition.wait(until: deadline) else {
                    throw TestFailure("only \(events) of \(count) events came")
                }
            }
        }
    }

    var eventCount: Int { condition.withLock { events } }
    var acknowledgedIDs: [UInt64] { condition.withLock { numbers.keys.sorted() } }
    var completedCount: Int { condition.withLock { completed.count } }
    var broken: [String] { condition.withLock { violations } }

    private func record(_ change: () -> Void) {
        condition.withLock {
            change()
            events += 1
            condition.broadcast()
        }
    }
}
