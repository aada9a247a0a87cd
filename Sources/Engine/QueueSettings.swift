import Store

/// What is said of a queue as a whole. A queue without settings has no bytes for them.
package struct QueueSettings: Sendable, Equatable {
    package enum Order: UInt8, Sendable {
        /// First in, first out, within a priority.
        case fifo = 0
        /// Last in, first out, within a priority.
        case lifo = 1
    }

    package struct Pause: Sendable, Equatable {
        /// Milliseconds since 1970.
        package var since: UInt64
        /// At most 255 bytes of UTF-8.
        package var by: String
        /// At most 65,535 bytes of UTF-8.
        package var reason: String
    }

    /// While there is one, nothing is delivered.
    package var pause: Pause?
    /// Since when submissions are refused, milliseconds since 1970; 0: they are not.
    package var drainingSince: UInt64 = 0
    /// Since when the queue is being deleted with all its jobs; 0: it is not.
    var deletingSince: UInt64 = 0
    /// Most jobs that may wait (scheduled or ready); 0: no limit.
    package var depthMax: UInt64 = 0
    /// Most payload bytes, as carried, that may wait; 0: no limit.
    package var bytesMax: UInt64 = 0
    package var order = Order.fifo
    /// Options that take the place of those that a submission leaves out. Delay and instant are left out.
    package var defaults = JobOptions()

    package init() {}

    var isDefault: Bool { self == QueueSettings() }
}

// MARK: - Bytes

/// ```
/// u8 flags: 1 paused  2 has defaults    u8 order
/// u64 draining since  u64 deleting since  u64 depth  u64 bytes
/// [pause: u64 since  u8 n, by  u16 n, reason]  [defaults]
/// ```
extension QueueSettings {
    init(from reader: inout RowReader) throws(StoreError) {
        let flags = try reader.u8()
        order = Order(rawValue: try reader.u8()) ?? .fifo
        drainingSince = try reader.u64()
        deletingSince = try reader.u64()
        depthMax = try reader.u64()
        bytesMax = try reader.u64()
        if flags & 1 != 0 {
            let (since, by) = (try reader.u64(), try reader.string8())
            let reason = try reader.bytes(Int(try reader.u16()))
            pause = Pause(since: since, by: by, reason: String(decoding: reason, as: UTF8.self))
        }
        if flags & 2 != 0 { defaults = try JobOptions(from: &reader) }
    }

    func write(to writer: inout RowWriter) {
        let hasDefaults = defaults != JobOptions()
        writer.u8((pause != nil ? 1 : 0) | (hasDefaults ? 2 : 0))
        writer.u8(order.rawValue)
        writer.u64(drainingSince)
        writer.u64(deletingSince)
        writer.u64(depthMax)
        writer.u64(bytesMax)
        if let pause {
            writer.u64(pause.since)
            writer.string8(pause.by)
            let reason = Array(pause.reason.utf8)
            writer.u16(UInt16(reason.count))
            writer.bytes(reason)
        }
        if hasDefaults { defaults.write(to: &writer) }
    }
}

/// Defaults of a queue: `StoredOptions`, whose expiry is a time to live here, then
/// u8 which of these follow: 1 priority: u8    2 max attempts: u16.
extension JobOptions {
    fileprivate init(from reader: inout RowReader) throws(StoreError) {
        let stored = try StoredOptions(from: &reader)
        var fields = Fields()
        fields.backoff = stored.backoff
        fields.retainCompleted = stored.retainCompleted
        fields.retainDead = stored.retainDead
        fields.retainCancelled = stored.retainCancelled
        fields.retainExpired = stored.retainExpired
        fields.maxCrashes = stored.maxCrashes
        fields.maxInterruptions = stored.maxInterruptions
        fields.timeToLive = stored.expiresAt
        fields.timeout = stored.timeout
        let flags = try reader.u8()
        if flags & 1 != 0 { fields.priority = try reader.u8() }
        if flags & 2 != 0 { fields.maxAttempts = try reader.u16() }
        self.init(fields)
    }

    fileprivate func write(to writer: inout RowWriter) {
        StoredOptions(self, now: 0).write(to: &writer)
        let (priority, maxAttempts) = (said.priority, said.maxAttempts)
        writer.u8((priority != nil ? 1 : 0) | (maxAttempts != nil ? 2 : 0))
        if let priority { writer.u8(priority) }
        if let maxAttempts { writer.u16(maxAttempts) }
    }
}
