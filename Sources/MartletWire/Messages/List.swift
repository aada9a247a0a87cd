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
    package var filter: JobFilter
    /// Only how many, not the jobs.
    package var isCount: Bool
    /// From a snapshot that holds all that was answered before: it may take a moment longer.
    package var isFresh: Bool

    package enum Order: UInt8, Sendable {
        case newestFirst = 0
        case oldestFirst = 1
    }

    package init(
        queue: String = "", states: JobStates = [], order: Order = .newestFirst, limit: UInt16,
        cursor: [UInt8] = [], filter: JobFilter = JobFilter(), isCount: Bool = false,
        isFresh: Bool = false
    ) {
        self.queue = queue
        self.states = states
        self.order = order
        self.limit = limit
        self.cursor = cursor
        self.filter = filter
        self.isCount = isCount
        self.isFresh = isFresh
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            queue: try reader.text8(), states: JobStates(rawValue: try reader.u16()),
            order: try reader.named("order"), limit: try reader.u16(),
            cursor: Array(try reader.bytes8()))
        try checkField("limit", Int(limit), 1...Int(Limits.listLimitMax))
        var filter = JobFilter()
        var (isCount, isFresh) = (false, false)
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 32: isCount = true
            case 33: isFresh = true
            default: try filter.read(tag, &option)
            }
        }
        self.filter = filter
        self.isCount = isCount
        self.isFresh = isFresh
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        buffer.writeLittle(states.rawValue)
        buffer.writeLittle(order.rawValue)
        buffer.writeLittle(limit)
        buffer.writeData8(cursor)
        filter.write(to: &buffer)
        buffer.writeOption(32, when: isCount)
        buffer.writeOption(33, when: isFresh)
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
    /// Jobs that matched on this page; the answer where only their number was asked for.
    package var matched: UInt32
    package var jobs: [JobInfo]
    /// For the next page; empty: this was the last.
    package var cursor: [UInt8]

    /// - Parameter matched: As many as there are jobs, when `nil`.
    package init(asOf: UInt64, matched: UInt32? = nil, jobs: [JobInfo], cursor: [UInt8] = []) {
        self.asOf = asOf
        self.matched = matched ?? UInt32(jobs.count)
        self.jobs = jobs
        self.cursor = cursor
    }

    package init(from reader: inout WireReader) throws(WireError) {
        asOf = try reader.u64()
        matched = try reader.u32()
        jobs = []
        for _ in 0..<(try reader.u16()) {
            var part = try reader.part(Int(reader.u32()))
            jobs.append(try JobInfo(from: &part))
        }
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(asOf, matched, UInt16(jobs.count), endianness: .little)
        for job in jobs { buffer.writeSized32 { job.write(to: &$0) } }
        buffer.writeData8(cursor)
    }
}
