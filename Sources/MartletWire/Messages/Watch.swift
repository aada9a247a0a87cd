package import NIOCore

/// Asks for what happens from now on.
package struct Watch: Message {
    package static let opcode = Opcode.watch

    /// Chosen by the client.
    package var watch: UInt32
    /// Offset of the last event seen; 0: from now.
    package var after: UInt64
    /// `nil`: all.
    package var job: JobID?
    /// Empty: all.
    package var queue: String
    /// Events by which a job came into one of these states; empty: all.
    package var states: JobStates
    /// Progress too.
    package var wantsProgress: Bool
    package var type: String?
    package var tag: String?

    package init(
        watch: UInt32, after: UInt64 = 0, job: JobID? = nil, queue: String = "",
        states: JobStates = [], wantsProgress: Bool = false, type: String? = nil, tag: String? = nil
    ) {
        self.watch = watch
        self.after = after
        self.job = job
        self.queue = queue
        self.states = states
        self.wantsProgress = wantsProgress
        self.type = type
        self.tag = tag
    }

    package init(from reader: inout WireReader) throws(WireError) {
        watch = try reader.u32()
        after = try reader.u64()
        let id = try reader.u64()
        job = id == 0 ? nil : JobID(rawValue: id)
        queue = try reader.text8()
        states = JobStates(rawValue: try reader.u16())
        wantsProgress = try reader.flags(known: 1) == 1
        var filter = JobFilter()
        try reader.options { (tag, option) throws(WireError) in
            if tag <= 2 { try filter.read(tag, &option) } else { option.skip() }
        }
        type = filter.type
        tag = filter.tag
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(watch, after, job?.rawValue ?? 0, endianness: .little)
        buffer.writeText8(queue)
        buffer.writeLittle(states.rawValue)
        buffer.writeLittle(UInt8(wantsProgress ? 1 : 0))
        buffer.writeOption(1, type)
        buffer.writeOption(2, tag)
    }
}

/// Ends a watch.
package struct Unwatch: Message {
    package static let opcode = Opcode.unwatch

    package var watch: UInt32

    package init(watch: UInt32) { self.watch = watch }

    package init(from reader: inout WireReader) throws(WireError) { watch = try reader.u32() }

    package func write(to buffer: inout ByteBuffer) { buffer.writeLittle(watch) }
}
