import NIOCore

/// Cuts a stream of bytes into lines, keeping no more than one unfinished line of bounded length.
struct LineSplitter {
    enum Line: Equatable {
        /// Without its newline; a carriage return before it belongs to the newline.
        case line(ByteBuffer)
        /// A line longer than the bound; so many bytes.
        case tooLong(Int)
    }

    private let bytesMax: Int
    private var partial = ByteBuffer()
    /// Bytes of a line that is already too long and is not kept.
    private var skipped = 0

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// Takes the next bytes and returns the lines that they complete. Empty lines are left out.
    mutating func append(_ bytes: ByteBuffer) -> [Line] {
        var rest = bytes
        var lines: [Line] = []
        while let newline = rest.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            if let piece = rest.readSlice(length: newline - rest.readerIndex) { keep(piece) }
            rest.moveReaderIndex(forwardBy: 1)
            if let line = takeLine() { lines.append(line) }
        }
        keep(rest)
        return lines
    }

    /// The stream has ended: what is left is a line of its own.
    mutating func finish() -> Line? {
        takeLine()
    }

    private mutating func keep(_ piece: ByteBuffer) {
        let length = skipped + partial.readableBytes + piece.readableBytes
        // One more than the bound: it may be a carriage return.
        if skipped > 0 || length > bytesMax + 1 {
            skipped = length
            partial.clear()
        } else {
            partial.writeImmutableBuffer(piece)
        }
    }

    private mutating func takeLine() -> Line? {
        defer {
            partial = ByteBuffer()
            skipped = 0
        }
        if skipped > 0 { return .tooLong(skipped) }
        var line = partial
        if line.readableBytesView.last == UInt8(ascii: "\r") {
            line.moveWriterIndex(to: line.writerIndex - 1)
        }
        if line.readableBytes > bytesMax { return .tooLong(line.readableBytes) }
        return line.readableBytes == 0 ? nil : .line(line)
    }
}
