/// Cuts a stream of bytes into lines, without their newlines.
struct LineSplitter {
    private var rest: [UInt8] = []
    private let newline = UInt8(ascii: "\n")

    /// Takes the next bytes of the stream and returns the lines that they end.
    mutating func lines(adding bytes: [UInt8]) -> [[UInt8]] {
        guard let last = bytes.lastIndex(of: newline) else {
            rest += bytes
            return []
        }
        var lines = bytes[..<last].split(separator: newline, omittingEmptySubsequences: false)
            .map(Array.init)
        lines[0] = rest + lines[0]
        rest = Array(bytes[(last + 1)...])
        return lines
    }

    /// The last line, when the stream ends without a newline.
    func end() -> [UInt8]? {
        rest.isEmpty ? nil : rest
    }

    /// Bytes of the line that has not ended yet.
    var pendingBytes: Int { rest.count }
}
