import NIOCore
import Subprocess

/// What a command wrote while it ran.
struct SubprocessCapture: Sendable {
    private(set) var output = ByteBuffer()
    private(set) var isTooLong = false
    var complaint = OutputTail()

    /// Reads to the end, or until there is more than `bytesMax`.
    mutating func collect(
        _ sequence: SubprocessOutputSequence, upTo bytesMax: Int
    ) async throws {
        for try await piece in sequence {
            guard output.readableBytes + piece.count <= bytesMax else {
                isTooLong = true
                return
            }
            output.writeBytes(piece.bytes)
        }
    }
}

/// The end of standard error, where programs say what went wrong.
struct OutputTail: Sendable {
    static let bytesMax = 4096
    private var bytes = ByteBuffer()

    init() {}

    init(of sequence: SubprocessOutputSequence) async throws {
        for try await piece in sequence {
            append(piece)
        }
    }

    /// What is left when blanks at both ends are trimmed and a character cut in two is dropped.
    var text: String {
        let kept = bytes.readableBytesView.suffix(Self.bytesMax)
        let wholeCharacters = kept.count < Self.bytesMax ? kept : kept.drop { $0 & 0xc0 == 0x80 }
        return String(decoding: wholeCharacters, as: UTF8.self)
            .trimmingBlanks()
    }

    /// Keeps up to twice what is wanted, so that bytes are moved rarely.
    private mutating func append(_ piece: SubprocessOutputSequence.Buffer) {
        bytes.writeBytes(piece.bytes)
        guard bytes.readableBytes > 2 * Self.bytesMax else { return }
        bytes.moveReaderIndex(forwardBy: bytes.readableBytes - Self.bytesMax)
        bytes.discardReadBytes()
    }
}

extension String {
    fileprivate func trimmingBlanks() -> String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
