package import NIOCore

/// What of a job is wanted beside its record.
package struct JobParts: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let payload = JobParts(rawValue: 1)
    package static let result = JobParts(rawValue: 2)
}

/// Asks for one job, as every earlier request left it.
package struct Get: Message {
    package static let opcode = Opcode.get

    package var id: JobID
    package var parts: JobParts

    package init(id: JobID, parts: JobParts = []) {
        self.id = id
        self.parts = parts
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        parts = JobParts(rawValue: try reader.flags(known: 3))
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(id.rawValue)
        buffer.writeLittle(parts.rawValue)
    }
}

/// Asks for one job once it is finished.
package struct Wait: Message {
    package static let opcode = Opcode.wait

    package var id: JobID
    /// 1 to 3,600,000.
    package var milliseconds: UInt32
    package var parts: JobParts

    package init(id: JobID, milliseconds: UInt32, parts: JobParts = []) {
        self.id = id
        self.milliseconds = milliseconds
        self.parts = parts
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        milliseconds = try reader.u32()
        parts = JobParts(rawValue: try reader.flags(known: 3))
        guard (1...Limits.waitMillisecondsMax).contains(milliseconds) else {
            throw .fieldInvalid(
                "milliseconds", actual: UInt64(milliseconds),
                range: 1...UInt64(Limits.waitMillisecondsMax))
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(id.rawValue)
        buffer.writeLittle(milliseconds)
        buffer.writeLittle(parts.rawValue)
    }
}
