package import NIOCore

/// Asks for queues and their counters.
package struct Queues: Message {
    package static let opcode = Opcode.queues

    /// Empty: all.
    package var queue: String
    /// Empty, or that of the page before; at most 255 bytes.
    package var cursor: [UInt8]

    package init(queue: String = "", cursor: [UInt8] = []) {
        self.queue = queue
        self.cursor = cursor
    }

    package init(from reader: inout WireReader) throws(WireError) {
        queue = try reader.text8()
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        buffer.writeData8(cursor)
    }
}

package struct QueuePage: Message {
    package static let opcode = Opcode.queuePage

    package var queues: [QueueInfo]
    /// For the next page; empty: this was the last.
    package var cursor: [UInt8]

    package init(queues: [QueueInfo], cursor: [UInt8] = []) {
        self.queues = queues
        self.cursor = cursor
    }

    package init(from reader: inout WireReader) throws(WireError) {
        queues = []
        for _ in 0..<(try reader.u16()) {
            var part = try reader.part(Int(reader.u32()))
            queues.append(try QueueInfo(from: &part))
        }
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(queues.count))
        for queue in queues { buffer.writeSized32 { queue.write(to: &$0) } }
        buffer.writeData8(cursor)
    }
}

/// A queue's counters.
package struct QueueInfo: Equatable, Sendable {
    package var name: String
    /// Jobs in that state now.
    package var ready: UInt64
    package var running: UInt64
    package var scheduled: UInt64
    package var held: UInt64
    package var dead: UInt64
    /// Jobs completed since the queue exists.
    package var completed: UInt64
    /// Completed jobs still kept.
    package var retained: UInt64
    /// When the job at the head was submitted, in milliseconds since 1970; 0: none is ready.
    package var oldestReadyAt: UInt64
    package var subscribers: UInt32
    /// Cancelled jobs still kept.
    package var cancelled: UInt64 = 0
    /// Expired jobs still kept.
    package var expired: UInt64 = 0
    package var totals = Totals()
    package var rates = Rates()
    /// Payload bytes, as carried, of scheduled and ready jobs.
    package var waitingBytes: UInt64 = 0
    package var payloads = PayloadBytes()
    package var paused: Paused?
    /// Since when submissions are refused, in milliseconds since 1970.
    package var drainingSince: UInt64?
    package var settings = QueueSettings()

    package init(
        name: String, ready: UInt64 = 0, running: UInt64 = 0, scheduled: UInt64 = 0,
        held: UInt64 = 0,
        dead: UInt64 = 0, completed: UInt64 = 0, retained: UInt64 = 0, oldestReadyAt: UInt64 = 0,
        subscribers: UInt32 = 0
    ) {
        self.name = name
        self.ready = ready
        self.running = running
        self.scheduled = scheduled
        self.held = held
        self.dead = dead
        self.completed = completed
        self.retained = retained
        self.oldestReadyAt = oldestReadyAt
        self.subscribers = subscribers
    }
}

extension QueueInfo {
    /// Jobs since the queue exists.
    package struct Totals: Equatable, Sendable {
        package var submitted: UInt64
        package var died: UInt64
        package var cancelled: UInt64
        package var expired: UInt64

        package init(
            submitted: UInt64 = 0, died: UInt64 = 0, cancelled: UInt64 = 0, expired: UInt64 = 0
        ) {
            self.submitted = submitted
            self.died = died
            self.cancelled = cancelled
            self.expired = expired
        }
    }

    /// Jobs in the last minute.
    package struct Rates: Equatable, Sendable {
        package var submitted: UInt32
        package var completed: UInt32
        package var failed: UInt32

        package init(submitted: UInt32 = 0, completed: UInt32 = 0, failed: UInt32 = 0) {
            self.submitted = submitted
            self.completed = completed
            self.failed = failed
        }
    }

    /// Bytes of the payloads submitted since the queue exists.
    package struct PayloadBytes: Equatable, Sendable {
        /// Before compression.
        package var raw: UInt64
        /// As carried and stored.
        package var carried: UInt64

        package init(raw: UInt64 = 0, carried: UInt64 = 0) {
            self.raw = raw
            self.carried = carried
        }
    }

    package struct Paused: Equatable, Sendable {
        /// Milliseconds since 1970.
        package var since: UInt64
        package var by: String
        package var reason: String

        package init(since: UInt64, by: String, reason: String) {
            self.since = since
            self.by = by
            self.reason = reason
        }
    }
}
