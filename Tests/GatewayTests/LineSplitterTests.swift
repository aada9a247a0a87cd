import NIOCore
import Testing

@testable import Gateway

struct LineSplitterTests {
    private static func lines(of text: String, pieces: Int, bytesMax: Int = 5) -> [LineSplitter
        .Line]
    {
        var splitter = LineSplitter(bytesMax: bytesMax)
        var rest = ByteBuffer(string: text)
        var lines: [LineSplitter.Line] = []
        while let piece = rest.readSlice(length: min(pieces, rest.readableBytes)),
            piece.readableBytes > 0
        {
            lines += splitter.append(piece)
        }
        if let line = splitter.finish() { lines.append(line) }
        return lines
    }

    @Test(arguments: [1, 2, 3, 100])
    func `lines are the same however the bytes come`(pieces: Int) {
        let lines = Self.lines(
            of: "one\ntwo\r\n\n\r\n12345\n12345\r\n123456\n1234567\r\nend", pieces: pieces)
        let expected: [LineSplitter.Line] = [
            .line("one"), .line("two"), .line("12345"), .line("12345"), .tooLong(6), .tooLong(8),
            .line("end"),
        ]
        #expect(lines == expected)
    }

    @Test func `a line that is too long is not kept`() {
        var splitter = LineSplitter(bytesMax: 10)
        for _ in 0..<1_000 {
            #expect(splitter.append(ByteBuffer(repeating: 1, count: 1_000)) == [])
        }
        #expect(
            splitter.append(ByteBuffer(string: "\nok\n")) == [.tooLong(1_000_000), .line("ok")])
    }

    @Test func `nothing is no line`() {
        #expect(Self.lines(of: "", pieces: 1) == [])
        #expect(Self.lines(of: "\n\n\r\n", pieces: 2) == [])
    }
}

extension LineSplitter.Line {
    fileprivate static func line(_ text: String) -> Self { .line(ByteBuffer(string: text)) }
}
