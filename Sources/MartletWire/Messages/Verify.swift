package import NIOCore

/// Asks for a part of the store to be checked.
package struct Verify: Message {
    package static let opcode = Opcode.verify

    /// Empty, or that of the part before; at most 255 bytes.
    package var cursor: [UInt8]

    package init(cursor: [UInt8] = []) { self.cursor = cursor }

    package init(from reader: inout WireReader) throws(WireError) {
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) { buffer.writeData8(cursor) }
}

/// What was found in a part of the store.
package struct Verified: Message {
    package static let opcode = Opcode.verified

    /// Looked at.
    package var rows: UInt64
    package var jobs: UInt64
    package var problems: [Problem]
    /// For the next part; empty: this was the last.
    package var cursor: [UInt8]

    package struct Problem: Equatable, Sendable {
        package var table: UInt8
        package var sentence: String

        package init(table: UInt8, _ sentence: String) {
            self.table = table
            self.sentence = sentence
        }
    }

    package init(rows: UInt64, jobs: UInt64, problems: [Problem], cursor: [UInt8] = []) {
        self.rows = rows
        self.jobs = jobs
        self.problems = problems
        self.cursor = cursor
    }

    package init(from reader: inout WireReader) throws(WireError) {
        rows = try reader.u64()
        jobs = try reader.u64()
        problems = []
        for _ in 0..<(try reader.u16()) {
            problems.append(Problem(table: try reader.u8(), try reader.text16()))
        }
        cursor = Array(try reader.bytes8())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(rows, jobs, UInt16(problems.count), endianness: .little)
        for problem in problems {
            buffer.writeLittle(problem.table)
            buffer.writeText16(problem.sentence.truncated(toUTF8Bytes: Limits.errorMessageBytesMax))
        }
        buffer.writeData8(cursor)
    }
}
