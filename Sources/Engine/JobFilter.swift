import Store

/// Which jobs are meant. A job must match all of it; what is nil matches every job.
package struct JobFilter: Sendable, Equatable {
    package var queue: String?
    /// Bit n: state n. 0: all.
    package var states: UInt16
    package var type: String?
    package var tag: String?
    package var uniqueKey: String?
    package var ids: ClosedRange<UInt64>?
    /// Of the last error.
    package var fingerprint: UInt64?
    /// Running at a worker with one of these sessions.
    package var sessions: [UInt64]?
    /// Created at or after, and before: milliseconds since 1970.
    package var since: UInt64?
    package var until: UInt64?

    package init(queue: String? = nil, states: UInt16 = 0) {
        self.queue = queue
        self.states = states
    }

    /// The bit set of some states.
    package static func states(_ states: [JobState]) -> UInt16 {
        states.reduce(0) { $0 | $1.bit }
    }

    func accepts(_ state: JobState) -> Bool { states == 0 || states & state.bit != 0 }

    /// Whether a job's own row is needed to know that it matches: its place does not say it all.
    var needsRow: Bool {
        type != nil || tag != nil || uniqueKey != nil || fingerprint != nil || since != nil
            || until != nil
    }

    /// Whether it is about queue and state alone, which queues count.
    var isOfPlacesAlone: Bool { !needsRow && ids == nil && sessions == nil }

    /// Whether a job's own row says that it matches, but for queue and state.
    func matches(_ row: JobRow) -> Bool {
        if let since, row.createdAt < since { return false }
        if let until, row.createdAt >= until { return false }
        if let type, !row.type.elementsEqual(type.utf8) { return false }
        if let fingerprint, row.history?.failure.fingerprint != fingerprint { return false }
        if let uniqueKey, row.unique?.key.elementsEqual(uniqueKey.utf8) != true {
            return false
        }
        guard let tag else { return true }
        return row.options.map { WireTexts($0.tags).contains(tag) } ?? false
    }
}

extension JobState {
    var bit: UInt16 { 1 << UInt16(rawValue) }
}

/// Texts one behind the other as on the wire, each a byte of length and that much UTF-8.
struct WireTexts: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    mutating func next() -> UnsafeRawBufferPointer? {
        guard let length = rest.first, rest.count > Int(length) else { return nil }
        let text = UnsafeRawBufferPointer(rebasing: rest[1...Int(length)])
        rest = UnsafeRawBufferPointer(rebasing: rest[(1 + Int(length))...])
        return text
    }

    func contains(_ text: String) -> Bool { contains { $0.elementsEqual(text.utf8) } }
}

// MARK: - Bytes

extension JobFilter {
    private struct Fields: OptionSet {
        let rawValue: UInt16
        static let queue = Fields(rawValue: 1 << 0)
        static let type = Fields(rawValue: 1 << 1)
        static let tag = Fields(rawValue: 1 << 2)
        static let uniqueKey = Fields(rawValue: 1 << 3)
        static let ids = Fields(rawValue: 1 << 4)
        static let fingerprint = Fields(rawValue: 1 << 5)
        static let sessions = Fields(rawValue: 1 << 6)
        static let since = Fields(rawValue: 1 << 7)
        static let until = Fields(rawValue: 1 << 8)
    }

    private var fields: Fields {
        var fields = Fields()
        if queue != nil { fields.insert(.queue) }
        if type != nil { fields.insert(.type) }
        if tag != nil { fields.insert(.tag) }
        if uniqueKey != nil { fields.insert(.uniqueKey) }
        if ids != nil { fields.insert(.ids) }
        if fingerprint != nil { fields.insert(.fingerprint) }
        if sessions != nil { fields.insert(.sessions) }
        if since != nil { fields.insert(.since) }
        if until != nil { fields.insert(.until) }
        return fields
    }

    init(from reader: inout RowReader) throws(StoreError) {
        let fields = Fields(rawValue: try reader.u16())
        self.init(states: try reader.u16())
        if fields.contains(.queue) { queue = try reader.string8() }
        if fields.contains(.type) { type = try reader.string8() }
        if fields.contains(.tag) { tag = try reader.string8() }
        if fields.contains(.uniqueKey) { uniqueKey = try reader.string8() }
        if fields.contains(.ids) {
            let first = try reader.u64()
            ids = first...max(first, try reader.u64())
        }
        if fields.contains(.fingerprint) { fingerprint = try reader.u64() }
        if fields.contains(.sessions) {
            let count = try reader.u16()
            sessions = try (0..<count).map { (_) throws(StoreError) in try reader.u64() }
        }
        if fields.contains(.since) { since = try reader.u64() }
        if fields.contains(.until) { until = try reader.u64() }
    }

    func write(to writer: inout RowWriter) {
        writer.u16(fields.rawValue)
        writer.u16(states)
        if let queue { writer.string8(queue) }
        if let type { writer.string8(type) }
        if let tag { writer.string8(tag) }
        if let uniqueKey { writer.string8(uniqueKey) }
        if let ids {
            writer.u64(ids.lowerBound)
            writer.u64(ids.upperBound)
        }
        if let fingerprint { writer.u64(fingerprint) }
        if let sessions {
            let kept = sessions.prefix(Int(UInt16.max))
            writer.u16(UInt16(kept.count))
            for session in kept { writer.u64(session) }
        }
        if let since { writer.u64(since) }
        if let until { writer.u64(until) }
    }
}
