import Store

/// A queue as stored: its name, its counters, kept in the same transaction as the jobs they count,
/// and its settings if there are any.
struct QueueRow: Equatable {
    var name: String
    /// Jobs in each state now.
    var ready: UInt64 = 0
    var running: UInt64 = 0
    var scheduled: UInt64 = 0
    var held: UInt64 = 0
    var retained: UInt64 = 0
    var dead: UInt64 = 0
    var cancelled: UInt64 = 0
    var expired: UInt64 = 0
    /// Payload bytes, as carried, of the scheduled and ready jobs.
    var waitingBytes: UInt64 = 0
    /// Jobs since the queue exists.
    var totals = QueueTotals()
    var settings: QueueSettings?

    /// Scheduled and ready jobs.
    var waiting: UInt64 { scheduled + ready + held }

    /// Jobs that have a row.
    var jobs: UInt64 { waiting + running + retained + dead + cancelled + expired }

    init(name: String) { self.name = name }

    init(from reader: inout RowReader) throws(StoreError) {
        name = try reader.string8()
        ready = try reader.u64()
        running = try reader.u64()
        scheduled = try reader.u64()
        held = try reader.u64()
        retained = try reader.u64()
        dead = try reader.u64()
        cancelled = try reader.u64()
        expired = try reader.u64()
        waitingBytes = try reader.u64()
        totals = QueueTotals(
            submitted: try reader.u64(), completed: try reader.u64(), died: try reader.u64(),
            cancelled: try reader.u64(), expired: try reader.u64(), rawBytes: try reader.u64(),
            bytes: try reader.u64())
        if reader.remaining > 0 { settings = try QueueSettings(from: &reader) }
    }

    func write(to writer: inout RowWriter) {
        writer.string8(name)
        writer.u64(ready)
        writer.u64(running)
        writer.u64(scheduled)
        writer.u64(held)
        writer.u64(retained)
        writer.u64(dead)
        writer.u64(cancelled)
        writer.u64(expired)
        writer.u64(waitingBytes)
        writer.u64(totals.submitted)
        writer.u64(totals.completed)
        writer.u64(totals.died)
        writer.u64(totals.cancelled)
        writer.u64(totals.expired)
        writer.u64(totals.rawBytes)
        writer.u64(totals.bytes)
        settings?.write(to: &writer)
    }
}

/// What has become of a queue's jobs since it exists.
package struct QueueTotals: Sendable, Equatable {
    package var submitted: UInt64 = 0
    package var completed: UInt64 = 0
    package var died: UInt64 = 0
    package var cancelled: UInt64 = 0
    package var expired: UInt64 = 0
    /// Bytes of the submitted payloads before compression, and as carried and stored.
    package var rawBytes: UInt64 = 0
    package var bytes: UInt64 = 0
}

extension QueueTotals {
    mutating func count(submitted payload: StoredPayload) {
        count(
            submitted: 1, bytes: UInt64(payload.bytes.count), rawBytes: UInt64(payload.rawBytes))
    }

    mutating func count(submitted jobs: UInt64, bytes: UInt64, rawBytes: UInt64) {
        submitted += jobs
        self.rawBytes += rawBytes
        self.bytes += bytes
    }
}
