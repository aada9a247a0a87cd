package import NIOCore

/// Asks for a page of jobs, from a snapshot.
package struct List: Message {
    package static let opcode = Opcode.list

    /// Empty: all.
    package var queue: String
    /// Empty: all.
    package var states: JobStates
    package var order: Order
    /// Jobs on a page, 1 to 500.
    package var limit: UInt16
    /// Empty, or that of the page before; at most 255 bytes.
    package var cursor: [UInt8]
    /// Only jobs of this type.
    package var type: String?

    package enum Order: UInt8, Sendable {
        case newestFirst = 0
        case oldestFirst = 1
    }

    package init(
        queue: String = "", states: JobStates = [], order: Order = .newestFirst, limit: UInt16,
        cursor: [UInt8] = [], type: String? = nil
    ) {
        self.queue = queue
        self.states = states
        self.order = order
        self.limit = limit
        self.cursor = cursor
        self.type = type
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            queue: try reader.text8(), states: JobStates(rawValue: try reader.u16()),
            order: try reader.named("order"), limit: try reader.u16(),
            cursor: Array(try reader.bytes8()))
        guard (1...Limits.listLimitMax).contains(limit) else {
            throw .fieldInvalid(
                "limit", actual: UInt64(limit), range: 1...UInt64(Limits.listLimitMax))
        }
        var type: String?
        try reader.options { (tag, option) throws(WireError) in
            if tag == 1 { type = try option.restText() } else { option.skip() }
        }
        self.type = type
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        buffer.writeLittle(states.rawValue)
        buffer.writeLittle(order.rawValue)
        buffer.writeLittle(limit)
        buffer.writeData8(cursor)
        if let type { buffer.writeOption(1) { $0.writeString(type) } }
    }
}

/// Bit n stands for the state n.
package struct JobStates: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package init(_ state: JobState) { self.init(rawValue: 1 << UInt16(state.rawValue)) }

    /// Whether `state` is wanted: none named means all.
    package func admits(_ state: JobState) -> Bool { isEmpty || contains(JobStates(state)) }
}

/// A page of jobs, as they were at `asOf`.
package struct JobPage: Message {
    package static let opcode = Opcode.jobPage

    /// Milliseconds since 1970.
    package var asOf: UInt64
    package var jobs: [JobInfo]
    /// For the next page; empty: this was the last.
    package var cursor: [UInt8]

    package init(asOf: UInt64, jobs: [JobInfo], cursor: [UInt8] = []) {
        self.asOf = asOf
        self.jobs = jobs
        self.cursor = cursor
    }

    package init(from reader: inout WireReader) throws(WireError) {
        asOf = try reader.u64()
        jobs = []
        for _ in 0..<(try reader.u16()) {
            var part = try reader.part(Int(reader.u32()))
            jobs.append(try JobInfo(from: &part))
        }
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(asOf)
        buffer.writeLittle(UInt16(jobs.count))
        for job in jobs { buffer.writeSized32 { job.write(to: &$0) } }
        buffer.writeData8(cursor)
    }
}
