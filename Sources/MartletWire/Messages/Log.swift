package import NIOCore

/// Lines that a running job logs.
package struct Log: Message {
    package static let opcode = Opcode.log

    package var id: JobID
    package var token: UInt64
    /// 1 to 256, each at most 4,096 bytes, together at most 65,536.
    package var lines: [String]

    package init(id: JobID, token: UInt64, lines: [String]) {
        self.id = id
        self.token = token
        self.lines = lines
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        token = try reader.u64()
        let count = Int(try reader.u16())
        try checkField("number of lines", count, 1...Limits.logLinesMax)
        lines = []
        for _ in 0..<count {
            let line = try reader.text16()
            try checkField("line's length", line.utf8.count, 0...Limits.logLineBytesMax)
            lines.append(line)
        }
        let bytes = lines.reduce(0) { $0 + $1.utf8.count }
        try checkField("lines' length", bytes, 0...Limits.logBytesMax)
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            id.rawValue, token, UInt16(lines.count), endianness: .little)
        for line in lines {
            buffer.writeText16(line.truncated(toUTF8Bytes: Limits.logLineBytesMax))
        }
    }
}

/// Asks for lines that a job logged.
package struct Logs: Message {
    package static let opcode = Opcode.logs

    package var id: JobID
    /// Offset of the first line wanted.
    package var from: UInt64
    /// 1 to 1,000.
    package var limit: UInt16

    package init(id: JobID, from: UInt64 = 0, limit: UInt16 = Limits.logLimitMax) {
        self.id = id
        self.from = from
        self.limit = limit
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        from = try reader.u64()
        limit = try reader.u16()
        try checkField("limit", Int(limit), 1...Int(Limits.logLimitMax))
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(id.rawValue, from, limit, endianness: .little)
    }
}

/// Lines of a job's log. Offsets count every line that the job ever logged, from 0.
package struct LogPage: Message {
    package static let opcode = Opcode.logPage

    /// Offset of the first line that is kept.
    package var first: UInt64
    /// Offset of the line after the last one here.
    package var next: UInt64
    package var lines: [LogLine]

    package init(first: UInt64, next: UInt64, lines: [LogLine]) {
        self.first = first
        self.next = next
        self.lines = lines
    }

    package init(from reader: inout WireReader) throws(WireError) {
        first = try reader.u64()
        next = try reader.u64()
        lines = []
        for _ in 0..<(try reader.u16()) { lines.append(try LogLine(from: &reader)) }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(first, next, UInt16(lines.count), endianness: .little)
        for line in lines { line.write(to: &buffer) }
    }
}

package struct LogLine: Equatable, Sendable {
    package var offset: UInt64
    /// Milliseconds since 1970.
    package var at: UInt64
    package var attempt: UInt16
    package var text: String

    package init(offset: UInt64, at: UInt64, attempt: UInt16, text: String) {
        self.offset = offset
        self.at = at
        self.attempt = attempt
        self.text = text
    }

    init(from reader: inout WireReader) throws(WireError) {
        offset = try reader.u64()
        at = try reader.u64()
        attempt = try reader.u16()
        text = try reader.text16()
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(offset, at, attempt, endianness: .little)
        buffer.writeText16(text.truncated(toUTF8Bytes: Limits.logLineBytesMax))
    }
}
