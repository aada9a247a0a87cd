package import NIOCore

/// Cuts the stream of a connection into frames, and checks their headers before anything is kept for them.
///
/// What comes out are runs: buffers that hold one or more whole frames, to be walked with `readFrame`. A run is
/// a slice of the bytes that came; only the beginning of a frame whose end has not come is copied.
package struct FrameSplitter: ~Copyable {
    /// Bytes of a frame's body. A server raises it before it sends `WELCOME`.
    package var frameBytesMax: Int

    private var expectsPreface: Bool
    /// Came last and was not looked at yet.
    private var input = ByteBuffer()
    /// The beginning of a frame, or of the preface, whose end has not come.
    private var partial = ByteBuffer()

    /// - Parameter expectsPreface: Whether this is the server's side.
    package init(expectsPreface: Bool, frameBytesMax: Int = Limits.preludeBytesMax) {
        self.expectsPreface = expectsPreface
        self.frameBytesMax = frameBytesMax
    }

    /// Bytes kept until more come.
    package var bufferedBytes: Int { partial.readableBytes + input.readableBytes }

    /// Takes what came. Call `nextRun` until it gives `nil` after that.
    package mutating func append(_ bytes: ByteBuffer) {
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeImmutableBuffer(bytes)
        }
    }

    /// Whole frames, as many as have come and lie side by side; `nil` when more bytes are needed.
    ///
    /// - Throws: What the connection is closed with. Frames in front of a broken one have been given before.
    package mutating func nextRun() throws(ClosingError) -> ByteBuffer? {
        if expectsPreface, try !takePreface() { return nil }
        if partial.readableBytes > 0 { return try completePartial() }

        let bytes = try wholeFramesBytes()
        if bytes > 0 {
            let run = input.readSlice(length: bytes)
            if input.readableBytes == 0 { input = ByteBuffer() }
            return run
        }
        try keepPartial()
        return nil
    }

    /// Bytes of the whole frames at the beginning of `input`.
    private func wholeFramesBytes() throws(ClosingError) -> Int {
        try input.withUnsafeReadableBytes { (bytes) throws(ClosingError) -> Int in
            var offset = 0
            while bytes.count - offset >= FrameHeader.byteCount {
                let header = FrameHeader(bytes, at: offset)
                if let error = refusal(of: header) {
                    if offset == 0 { throw error }
                    break
                }
                guard header.frameBytes <= bytes.count - offset else { break }
                offset += header.frameBytes
            }
            return offset
        }
    }

    /// Copies the beginning of a frame out of `input`, which may be a large buffer that is used again.
    private mutating func keepPartial() throws(ClosingError) {
        guard input.readableBytes > 0 else { return }
        partial = ByteBuffer()
        if let header = input.peekFrameHeader() { partial.reserveCapacity(header.frameBytes) }
        partial.writeBuffer(&input)
        input = ByteBuffer()
    }

    private mutating func completePartial() throws(ClosingError) -> ByteBuffer? {
        guard fillPartial(to: FrameHeader.byteCount), let header = partial.peekFrameHeader() else {
            return nil
        }
        if let error = refusal(of: header) { throw error }
        partial.reserveCapacity(header.frameBytes)
        guard fillPartial(to: header.frameBytes) else { return nil }
        defer { partial = ByteBuffer() }
        return partial
    }

    /// Moves bytes from `input` to `partial` until it has `count`; returns whether it has.
    private mutating func fillPartial(to count: Int) -> Bool {
        let wanted = min(max(0, count - partial.readableBytes), input.readableBytes)
        if var bytes = input.readSlice(length: wanted) { partial.writeBuffer(&bytes) }
        if input.readableBytes == 0 { input = ByteBuffer() }
        return partial.readableBytes >= count
    }

    private mutating func takePreface() throws(ClosingError) -> Bool {
        _ = fillPartial(to: Preface.byteCount)
        switch Preface.check(partial) {
        case .incomplete: return false
        case .bad: throw .badPreface()
        case .version(let version): throw .unsupportedVersion(version)
        case .ok:
            expectsPreface = false
            partial = ByteBuffer()
            return true
        }
    }

    private func refusal(of header: FrameHeader) -> ClosingError? {
        if Int(header.length) > frameBytesMax {
            return .frameTooLarge(header, limit: frameBytesMax)
        }
        if !header.flags.subtracting(.more).isEmpty { return .unknownFlags(header) }
        return nil
    }
}
