import Store

/// What happens at an instant. All timers are rows of one table, keyed by the instant.
enum TimerKind: UInt8 {
    /// A scheduled job becomes ready: job, queue.
    case ready = 1
    /// A lease ends: first job, token.
    case lease = 2
    /// Finished jobs vanish: first job; the row lists them.
    case retention = 3
    /// A session that lost its connection ends: session.
    case session = 4
    /// A producer's answers are forgotten: producer.
    case producer = 5
    /// Finished jobs that no list names are looked for: the first job to look at.
    case sweep = 6
}

struct Timer {
    var due: UInt64
    var kind: TimerKind
    var first: UInt64
    var second: UInt64 = 0

    var key: Key {
        Key().adding(u64: due).adding(u8: kind.rawValue).adding(u64: first).adding(u64: second)
    }

    init(due: UInt64, kind: TimerKind, _ first: UInt64, _ second: UInt64 = 0) {
        self.due = due
        self.kind = kind
        self.first = first
        self.second = second
    }

    init(from reader: inout KeyReader) throws(StoreError) {
        due = try reader.u64()
        let kindByte = try reader.u8()
        guard let kind = TimerKind(rawValue: kindByte) else {
            throw nonsense(Tables.timers, reader.whole, "a timer of kind \(kindByte)")
        }
        self.kind = kind
        first = try reader.u64()
        second = try reader.u64()
    }

    func set(_ rows: borrowing Transaction) throws { try rows.put(Tables.timers, key) { _ in } }

    func unset(_ rows: borrowing Transaction) throws { _ = try rows.delete(Tables.timers, key) }
}

/// Consecutive job ids.
package struct JobRun: Equatable, Sendable {
    package var first: UInt64
    package var count: UInt32

    package init(first: UInt64, count: UInt32) {
        self.first = first
        self.count = count
    }

    var end: UInt64 { first + UInt64(count) }

    func contains(_ id: UInt64) -> Bool { id >= first && id < end }
}
