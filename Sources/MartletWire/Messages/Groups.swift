package import NIOCore

/// Asks for dead jobs, grouped by what they died of.
package struct Groups: Message {
    package static let opcode = Opcode.groups

    /// Empty: all.
    package var queue: String
    /// 1 to 500.
    package var limit: UInt16
    /// Empty, or that of the page before; at most 255 bytes.
    package var cursor: [UInt8]

    package init(
        queue: String = "", limit: UInt16 = Limits.groupLimitMax, cursor: [UInt8] = []
    ) {
        self.queue = queue
        self.limit = limit
        self.cursor = cursor
    }

    package init(from reader: inout WireReader) throws(WireError) {
        queue = try reader.text8()
        limit = try reader.u16()
        try checkField("limit", Int(limit), 1...Int(Limits.groupLimitMax))
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        buffer.writeLittle(limit)
        buffer.writeData8(cursor)
    }
}

/// A page of groups, as they were at `asOf`.
package struct GroupPage: Message {
    package static let opcode = Opcode.groupPage

    /// Milliseconds since 1970.
    package var asOf: UInt64
    package var groups: [ErrorGroup]
    /// For the next page; empty: this was the last.
    package var cursor: [UInt8]

    package init(asOf: UInt64, groups: [ErrorGroup], cursor: [UInt8] = []) {
        self.asOf = asOf
        self.groups = groups
        self.cursor = cursor
    }

    package init(from reader: inout WireReader) throws(WireError) {
        asOf = try reader.u64()
        groups = []
        for _ in 0..<(try reader.u16()) { groups.append(try ErrorGroup(from: &reader)) }
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(asOf)
        buffer.writeLittle(UInt16(groups.count))
        for group in groups { group.write(to: &buffer) }
        buffer.writeData8(cursor)
    }
}

/// Dead jobs of a queue with the same fingerprint.
package struct ErrorGroup: Equatable, Sendable {
    package var queue: String
    package var fingerprint: UInt64
    package var jobs: UInt64
    /// Milliseconds since 1970.
    package var firstSeen: UInt64
    /// Milliseconds since 1970.
    package var lastSeen: UInt64
    /// A dead job of the group.
    package var example: JobID
    package var errorClass: String
    /// Of the first one, at most 512 bytes.
    package var message: String

    package init(
        queue: String, fingerprint: UInt64, jobs: UInt64, firstSeen: UInt64, lastSeen: UInt64,
        example: JobID, errorClass: String, message: String
    ) {
        self.queue = queue
        self.fingerprint = fingerprint
        self.jobs = jobs
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.example = example
        self.errorClass = errorClass
        self.message = message
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            queue: try reader.text8(), fingerprint: try reader.u64(), jobs: try reader.u64(),
            firstSeen: try reader.u64(), lastSeen: try reader.u64(),
            example: JobID(rawValue: try reader.u64()), errorClass: try reader.text8(),
            message: try reader.text16())
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        buffer.writeMultipleIntegers(
            fingerprint, jobs, firstSeen, lastSeen, example.rawValue, endianness: .little)
        buffer.writeText8(errorClass.truncated(toUTF8Bytes: Limits.errorClassBytesMax))
        buffer.writeText16(message.truncated(toUTF8Bytes: Limits.groupMessageBytesMax))
    }
}
