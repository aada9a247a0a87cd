import Store

/// A queue as stored: its name and its counters, kept in the same transaction as the jobs they count.
struct QueueRow: Equatable {
    var name: String
    var ready: UInt64 = 0
    var running: UInt64 = 0
    var scheduled: UInt64 = 0
    var held: UInt64 = 0
    var dead: UInt64 = 0
    /// Jobs completed since the queue exists.
    var completed: UInt64 = 0
    /// Completed jobs that are still kept.
    var retained: UInt64 = 0

    init(name: String) { self.name = name }

    init(from reader: inout RowReader) throws(StoreError) {
        name = try reader.string8()
        ready = try reader.u64()
        running = try reader.u64()
        scheduled = try reader.u64()
        held = try reader.u64()
        dead = try reader.u64()
        completed = try reader.u64()
        retained = try reader.u64()
    }

    func write(to writer: inout RowWriter) {
        writer.string8(name)
        writer.u64(ready)
        writer.u64(running)
        writer.u64(scheduled)
        writer.u64(held)
        writer.u64(dead)
        writer.u64(completed)
        writer.u64(retained)
    }
}
