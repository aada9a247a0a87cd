package import NIOCore

/// What happened, pushed to whoever watches.
package struct Events: Message {
    package static let opcode = Opcode.events

    package var watch: UInt32
    /// To be given as `after` when the client comes again.
    package var next: UInt64
    /// Events that were dropped before these.
    package var missed: UInt64
    package var events: [JobEvent]

    package init(watch: UInt32, next: UInt64, missed: UInt64 = 0, events: [JobEvent]) {
        self.watch = watch
        self.next = next
        self.missed = missed
        self.events = events
    }

    package init(from reader: inout WireReader) throws(WireError) {
        watch = try reader.u32()
        next = try reader.u64()
        missed = try reader.u64()
        events = []
        for _ in 0..<(try reader.u16()) {
            var part = try reader.part(Int(reader.u32()))
            events.append(try JobEvent(from: &part))
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            watch, next, missed, UInt16(events.count), endianness: .little)
        for event in events { buffer.writeSized32 { event.write(to: &$0) } }
    }
}

/// One thing that happened to a job.
package struct JobEvent: Equatable, Sendable {
    package var offset: UInt64
    /// Milliseconds since 1970.
    package var at: UInt64
    package var id: JobID
    /// The job's, after the event; `nil`: it is gone.
    package var state: JobState?
    package var kind: Kind
    package var attempt: UInt16
    package var queue: String
    package var type: String
    package var error: String?
    package var session: UInt64?
    package var progress: JobProgress?
    /// Host and process of the worker.
    package var worker: String?

    /// Extensible: a newer server's kind is a value without a name here.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let submitted = Kind(rawValue: 1)
        /// Its time came.
        package static let ready = Kind(rawValue: 2)
        package static let delivered = Kind(rawValue: 3)
        package static let progress = Kind(rawValue: 4)
        package static let completed = Kind(rawValue: 5)
        package static let failed = Kind(rawValue: 6)
        package static let crashed = Kind(rawValue: 7)
        package static let released = Kind(rawValue: 8)
        package static let dead = Kind(rawValue: 9)
        package static let cancelled = Kind(rawValue: 10)
        package static let expired = Kind(rawValue: 11)
        package static let retried = Kind(rawValue: 12)
        package static let edited = Kind(rawValue: 13)
        package static let cancelRequested = Kind(rawValue: 14)
        package static let deleted = Kind(rawValue: 15)

        /// The name that `messages.json` uses, such as `cancel_requested`; the number where there is none.
        package var name: String { Kind.names[self] ?? "event_\(rawValue)" }

        /// All kinds of this version of the protocol.
        package static var all: [Kind] { names.keys.sorted { $0.rawValue < $1.rawValue } }

        private static let names: [Kind: String] = [
            .submitted: "submitted", .ready: "ready", .delivered: "delivered",
            .progress: "progress", .completed: "completed", .failed: "failed",
            .crashed: "crashed", .released: "released", .dead: "dead", .cancelled: "cancelled",
            .expired: "expired", .retried: "retried", .edited: "edited",
            .cancelRequested: "cancel_requested", .deleted: "deleted",
        ]
    }

    package init(
        offset: UInt64, at: UInt64, id: JobID, state: JobState?, kind: Kind, attempt: UInt16,
        queue: String, type: String
    ) {
        self.offset = offset
        self.at = at
        self.id = id
        self.state = state
        self.kind = kind
        self.attempt = attempt
        self.queue = queue
        self.type = type
    }

    init(from reader: inout WireReader) throws(WireError) {
        var event = JobEvent(
            offset: try reader.u64(), at: try reader.u64(), id: JobID(rawValue: try reader.u64()),
            state: try reader.stateOrGone(), kind: Kind(rawValue: try reader.u8()),
            attempt: try reader.u16(), queue: try reader.text8(), type: try reader.text8())
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 1: event.error = try option.restText()
            case 2: event.session = try option.u64()
            case 3: event.progress = try JobProgress(from: &option)
            case 4: event.worker = try option.restText()
            default: option.skip()
            }
        }
        self = event
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            offset, at, id.rawValue, state?.rawValue ?? 0, kind.rawValue, attempt,
            endianness: .little)
        buffer.writeText8(queue)
        buffer.writeText8(type)
        buffer.writeOption(1, error)
        buffer.writeOption(2, session)
        if let progress { buffer.writeOption(3) { progress.write(to: &$0) } }
        buffer.writeOption(4, worker)
    }
}
