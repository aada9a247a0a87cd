/// A `LOG` read where it lies; not to be kept.
package struct LogView {
    package let id: JobID
    package let token: UInt64
    /// Checked to be UTF-8 within the limits.
    package let lines: [UnsafeRawBufferPointer]

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        token = try reader.u64()
        let count = Int(try reader.u16())
        try checkField("number of lines", count, 1...Limits.logLinesMax)
        var lines: [UnsafeRawBufferPointer] = []
        var bytes = 0
        for _ in 0..<count {
            let line = try reader.bytes16()
            try checkField("line's length", line.count, 0...Limits.logLineBytesMax)
            guard isValidUTF8(line) else { throw .invalidMessage("a line is not valid UTF-8") }
            bytes += line.count
            lines.append(line)
        }
        try checkField("lines' length", bytes, 0...Limits.logBytesMax)
        try reader.expectEnd()
        self.lines = lines
    }
}
