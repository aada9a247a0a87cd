import MartletWire
import NIOCore

/// What waits to be written to the socket.
///
/// Small messages of one turn of the loop gather in one buffer. A message longer than one frame is
/// kept apart, frame by frame, and goes out only as the socket takes it, so that small messages
/// pass between its frames.
struct OutboundQueue {
    private var small = ByteBuffer()
    private var large: CircularBuffer<ByteBuffer> = []

    var isEmpty: Bool { small.readableBytes == 0 && large.isEmpty }

    mutating func appendPreface() {
        small.writeBytes(Preface.bytes)
    }

    /// - Parameter splitBytes: the most that one frame's body may have.
    mutating func append(_ message: some Message, requestID: UInt64, splitBytes: Int) {
        let start = small.writerIndex
        small.write(message, requestID: requestID, splitBytes: splitBytes)
        guard small.writerIndex - start > FrameHeader.byteCount + splitBytes else { return }
        setApart(from: start)
    }

    /// Everything that need not wait for the socket.
    mutating func takeSmall() -> ByteBuffer? {
        guard small.readableBytes > 0 else { return nil }
        defer { small = ByteBuffer() }
        return small
    }

    /// The next frame of a message in several frames.
    mutating func takeLargeFrame() -> ByteBuffer? {
        large.popFirst()
    }

    private mutating func setApart(from start: Int) {
        var whole = small
        let before = whole.readSlice(length: start - whole.readerIndex)
        small = ByteBuffer()
        if let before { small.writeImmutableBuffer(before) }
        while let header = whole.peekFrameHeader(),
            let frame = whole.readSlice(length: header.frameBytes)
        {
            large.append(frame)
        }
    }
}
