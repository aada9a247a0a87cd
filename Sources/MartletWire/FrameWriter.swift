package import NIOCore

extension ByteBuffer {
    /// Writes a message as one frame, or as several with `MORE` when its body is longer than `splitBytes`.
    ///
    /// Several frames follow each other here; a sender that wants to let others pass between them writes to a
    /// buffer of its own and sends that frame by frame.
    ///
    /// - Parameter splitBytes: At most the peer's `frame_bytes_max`.
    package mutating func write(
        _ message: some Message, requestID: UInt64, channel: UInt16 = 0,
        splitBytes: Int = Limits.splitBytes
    ) {
        writeFrames(
            type(of: message).opcode, requestID: requestID, channel: channel, splitBytes: splitBytes
        ) {
            message.write(to: &$0)
        }
    }

    /// Writes an answer that closes the connection, to the frame that caused it.
    package mutating func write(_ error: ClosingError) {
        write(ErrorMessage(error), requestID: error.requestID, channel: error.channel)
    }

    /// Writes the frame or frames of the message whose body `body` writes.
    package mutating func writeFrames(
        _ opcode: Opcode, requestID: UInt64, channel: UInt16 = 0,
        splitBytes: Int = Limits.splitBytes,
        _ body: (inout ByteBuffer) -> Void
    ) {
        let start = beginFrame(opcode, requestID: requestID, channel: channel)
        body(&self)
        endFrame(at: start, splitBytes: splitBytes)
    }

    /// Begins a frame whose body the caller writes next; returns its beginning, for `endFrame`.
    package mutating func beginFrame(_ opcode: Opcode, requestID: UInt64, channel: UInt16) -> Int {
        let start = writerIndex
        writeFrameHeader(
            FrameHeader(length: 0, opcode: opcode, channel: channel, requestID: requestID))
        return start
    }

    /// Ends the frame that begins at `start` with the last byte written: sets its length, and cuts it in several
    /// frames when it is longer than `splitBytes`.
    package mutating func endFrame(at start: Int, splitBytes: Int = Limits.splitBytes) {
        let bodyBytes = writerIndex - start - FrameHeader.byteCount
        if bodyBytes <= splitBytes {
            setInteger(UInt32(bodyBytes), at: start, endianness: .little)
        } else {
            cutFrame(at: start, bodyBytes: bodyBytes, pieceBytes: splitBytes)
        }
    }

    /// Makes room for the headers by moving the pieces up, the last one first.
    private mutating func cutFrame(at start: Int, bodyBytes: Int, pieceBytes: Int) {
        precondition(pieceBytes > 0)
        let headerBytes = FrameHeader.byteCount
        let last = (bodyBytes - 1) / pieceBytes
        writeRepeatingByte(0, count: last * headerBytes)
        withUnsafeMutableWritten(from: start) { bytes in
            var header = FrameHeader(UnsafeRawBufferPointer(bytes), at: 0)
            for piece in (0...last).reversed() {
                let length = min(pieceBytes, bodyBytes - piece * pieceBytes)
                let target = piece * (headerBytes + pieceBytes)
                let body = UnsafeRawBufferPointer(
                    rebasing: bytes[(headerBytes + piece * pieceBytes)...].prefix(length))
                UnsafeMutableRawBufferPointer(rebasing: bytes[(target + headerBytes)...])
                    .copyMemory(from: body)
                header.length = UInt32(length)
                header.flags = piece == last ? [] : .more
                header.store(to: bytes, at: target)
            }
        }
    }

    private mutating func withUnsafeMutableWritten(
        from start: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        let offset = start - readerIndex
        withUnsafeMutableReadableBytes { bytes in
            body(UnsafeMutableRawBufferPointer(rebasing: bytes[offset...]))
        }
    }
}

extension FrameHeader {
    fileprivate func store(to bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        bytes.storeBytes(of: length.littleEndian, toByteOffset: offset, as: UInt32.self)
        bytes.storeBytes(of: opcode, toByteOffset: offset + 4, as: UInt8.self)
        bytes.storeBytes(of: flags.rawValue, toByteOffset: offset + 5, as: UInt8.self)
        bytes.storeBytes(of: channel.littleEndian, toByteOffset: offset + 6, as: UInt16.self)
        bytes.storeBytes(of: requestID.littleEndian, toByteOffset: offset + 8, as: UInt64.self)
    }
}
