import MartletWire
import NIOCore

/// Walks a run of whole frames from header to header, without looking into the bodies.
struct FrameWalk {
    struct Step {
        let header: FrameHeader
        /// Header and body, as indices of the run.
        let frame: Range<Int>

        var bodyStart: Int { frame.lowerBound + FrameHeader.byteCount }
    }

    private var rest: ByteBuffer

    /// `run` holds whole frames and nothing else, as a `FrameSplitter` gives them.
    init(_ run: ByteBuffer) {
        rest = run
    }

    mutating func next() -> Step? {
        guard let header = rest.peekFrameHeader() else { return nil }
        let start = rest.readerIndex
        rest.moveReaderIndex(forwardBy: header.frameBytes)
        return Step(header: header, frame: start..<start + header.frameBytes)
    }
}

extension FrameWalk.Step {
    func body(in run: ByteBuffer) -> ByteBuffer {
        run.getSlice(at: bodyStart, length: Int(header.length)) ?? ByteBuffer()
    }

    /// Whether this is an `ERROR` that says `CLOSES`: bit 1 of the byte behind the code.
    func isClosingError(in run: ByteBuffer) -> Bool {
        guard header.opcode == Opcode.error.rawValue, header.length > 2 else { return false }
        let flags = run.getInteger(at: bodyStart + 2, as: UInt8.self) ?? 0
        return flags & 0b10 != 0
    }
}

extension ByteBuffer {
    /// Appends one frame of a run under another channel: the one change that the switch makes.
    mutating func appendFrame(_ step: FrameWalk.Step, of run: ByteBuffer, channel: UInt16) {
        let start = writerIndex
        guard let frame = run.getSlice(at: step.frame.lowerBound, length: step.frame.count) else {
            return
        }
        writeImmutableBuffer(frame)
        setFrameChannel(channel, at: start)
    }

    /// Appends a whole run under another channel: copied once, then changed from header to header.
    mutating func appendRun(_ run: ByteBuffer, channel: UInt16) {
        var start = writerIndex
        writeImmutableBuffer(run)
        var walk = FrameWalk(run)
        while let step = walk.next() {
            setFrameChannel(channel, at: start)
            start += step.frame.count
        }
    }
}
