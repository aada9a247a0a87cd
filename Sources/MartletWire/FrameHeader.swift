package import NIOCore

/// The 16 bytes in front of every frame's body.
package struct FrameHeader: Equatable, Sendable {
    package static let byteCount = 16

    /// Bytes of the body.
    package var length: UInt32
    /// As it came: it may be one that is not known here.
    package var opcode: UInt8
    package var flags: FrameFlags
    /// 0, except on a link.
    package var channel: UInt16
    /// Chosen by whoever asks, repeated in the answer; a push's is its number on its channel.
    package var requestID: UInt64

    package init(
        length: UInt32, opcode: UInt8, flags: FrameFlags = [], channel: UInt16 = 0,
        requestID: UInt64
    ) {
        self.length = length
        self.opcode = opcode
        self.flags = flags
        self.channel = channel
        self.requestID = requestID
    }

    package init(length: UInt32, opcode: Opcode, channel: UInt16 = 0, requestID: UInt64) {
        self.init(length: length, opcode: opcode.rawValue, channel: channel, requestID: requestID)
    }
}

package struct FrameFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The message goes on in another frame.
    package static let more = FrameFlags(rawValue: 1)
}

/// A frame as it came: a header and a slice of the bytes behind it.
package struct Frame: Equatable, Sendable {
    package var header: FrameHeader
    package var body: ByteBuffer

    package init(header: FrameHeader, body: ByteBuffer) {
        self.header = header
        self.body = body
    }
}

extension FrameHeader {
    /// Bytes of header and body.
    package var frameBytes: Int { FrameHeader.byteCount + Int(length) }

    /// Reads a header at `offset`, where 16 bytes must be readable.
    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        func load<T: FixedWidthInteger>(_ position: Int, _: T.Type = T.self) -> T {
            T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + position, as: T.self))
        }
        self.init(
            length: load(0), opcode: load(4), flags: FrameFlags(rawValue: load(5)),
            channel: load(6), requestID: load(8))
    }
}

extension FieldWriter {
    @inline(__always)
    mutating func write(_ header: FrameHeader) {
        write(header.length)
        write(header.opcode)
        write(header.flags.rawValue)
        write(header.channel)
        write(header.requestID)
    }
}

extension ByteBuffer {
    /// The header at the reader's index, or `nil` when fewer than 16 bytes are readable. Moves nothing.
    package func peekFrameHeader() -> FrameHeader? {
        guard readableBytes >= FrameHeader.byteCount else { return nil }
        return withUnsafeReadableBytes { FrameHeader($0, at: 0) }
    }

    /// Takes the next frame, its body being a slice that shares this buffer's storage; `nil` when there is
    /// no complete one. Checks nothing: `FrameSplitter` has done so.
    package mutating func readFrame() -> Frame? {
        guard let header = peekFrameHeader(), readableBytes >= header.frameBytes else { return nil }
        moveReaderIndex(forwardBy: FrameHeader.byteCount)
        guard let body = readSlice(length: Int(header.length)) else { return nil }
        return Frame(header: header, body: body)
    }

    package mutating func writeFrameHeader(_ header: FrameHeader) {
        writeFields(FrameHeader.byteCount) { $0.write(header) }
    }

    /// Names another channel in the frame that begins at `index`: all that a link changes.
    package mutating func setFrameChannel(_ channel: UInt16, at index: Int) {
        setInteger(channel, at: index + 6, endianness: .little)
    }
}
