import Store

/// What happens at an instant. All timers are rows of one table, keyed by the instant. Those of jobs
/// are runs of consecutive ids that are due at the same instant; their row is the number of jobs.
enum TimerKind: UInt8 {
    /// Scheduled jobs become ready: first job, queue and order.
    case ready = 1
    /// A lease ends: first job, token.
    case lease = 2
    /// Finished jobs vanish: first job, queue and state.
    case retention = 3
    /// A session that lost its connection ends: session.
    case session = 4
    /// A producer's answers are forgotten: producer.
    case producer = 5
    /// Waiting jobs expire: first job, queue.
    case expiry = 6
    /// A unique key becomes free: job.
    case unique = 7
    /// The grace of a running job that is to be cancelled ends: job.
    case cancel = 8
    /// An action on many jobs goes on, or is forgotten: action.
    case action = 9

    /// Whether such a timer is for a run of jobs.
    var isOfRun: Bool { self == .ready || self == .retention || self == .expiry }
}

struct Timer {
    var due: UInt64
    var kind: TimerKind
    var first: UInt64
    var second: UInt64 = 0
    /// Jobs, of those kinds that are for a run of them.
    var count: UInt32 = 1

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

    init(from key: inout KeyReader, _ row: inout RowReader) throws(StoreError) {
        try self.init(from: &key)
        if kind.isOfRun { count = try row.u32() }
    }

    func set(_ rows: borrowing Transaction) throws { try rows.put(Tables.timers, key) { _ in } }

    func unset(_ rows: borrowing Transaction) throws { _ = try rows.delete(Tables.timers, key) }
}

extension Timer {
    /// The jobs that a timer of a run is for.
    var jobs: JobRun { JobRun(first: first, count: count) }
    var place: TimerPlace { TimerPlace(due: due, kind: kind, detail: second) }
    var queue: UInt32 { UInt32(truncatingIfNeeded: second >> 8) }
    /// Of the jobs that become ready.
    var order: UInt8 { UInt8(truncatingIfNeeded: second) }
    /// Of the jobs that vanish; nil when the row makes no sense.
    var state: JobState? { JobState(rawValue: UInt8(truncatingIfNeeded: second)) }
}

/// Where timers of runs are kept: those of jobs with the same fate at the same instant.
struct TimerPlace: RunPlace {
    var due: UInt64
    var kind: TimerKind
    var detail: UInt64

    static let table = Tables.timers

    static func ready(_ due: UInt64, queue: UInt32, order: UInt8) -> TimerPlace {
        TimerPlace(due: due, kind: .ready, detail: UInt64(queue) << 8 | UInt64(order))
    }

    static func expiry(_ due: UInt64, queue: UInt32) -> TimerPlace {
        TimerPlace(due: due, kind: .expiry, detail: UInt64(queue) << 8)
    }

    static func retention(_ due: UInt64, queue: UInt32, _ state: JobState) -> TimerPlace {
        TimerPlace(
            due: due, kind: .retention, detail: UInt64(queue) << 8 | UInt64(state.rawValue))
    }

    func key(_ first: UInt64) -> Key { Timer(due: due, kind: kind, first, detail).key }

    func first(in key: inout KeyReader) throws(StoreError) -> UInt64? {
        guard try key.u64() == due, try key.u8() == kind.rawValue else { return nil }
        let first = try key.u64()
        return try key.u64() == detail ? first : nil
    }

    static func < (one: TimerPlace, other: TimerPlace) -> Bool {
        (one.due, one.kind.rawValue, one.detail) < (other.due, other.kind.rawValue, other.detail)
    }
}
