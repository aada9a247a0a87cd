package import NIOCore

/// Asks whether the peer lives; 0 to 64 bytes that come back.
package struct Ping: Message {
    package static let opcode = Opcode.ping

    package var bytes: [UInt8]

    package init(bytes: [UInt8] = []) { self.bytes = bytes }

    package init(from reader: inout WireReader) throws(WireError) {
        bytes = try echoBytes(&reader)
    }

    package func write(to buffer: inout ByteBuffer) { buffer.writeBytes(bytes) }
}

/// The answer to `PING`, with its bytes.
package struct Pong: Message {
    package static let opcode = Opcode.pong

    package var bytes: [UInt8]

    package init(bytes: [UInt8] = []) { self.bytes = bytes }

    package init(from reader: inout WireReader) throws(WireError) {
        bytes = try echoBytes(&reader)
    }

    package func write(to buffer: inout ByteBuffer) { buffer.writeBytes(bytes) }
}

private func echoBytes(_ reader: inout WireReader) throws(WireError) -> [UInt8] {
    guard reader.left <= Limits.pingBytesMax else {
        throw .fieldInvalid(
            "length", actual: UInt64(reader.left), range: 0...UInt64(Limits.pingBytesMax))
    }
    return Array(reader.rest())
}

/// Ends the session now: what it holds is released.
package struct Bye: EmptyMessage {
    package static let opcode = Opcode.bye

    package init() {}
}

/// The request was carried out.
package struct Done: EmptyMessage {
    package static let opcode = Opcode.done

    package init() {}
}

/// On a link: the channel's connection broke.
package struct Close: EmptyMessage {
    package static let opcode = Opcode.close

    package init() {}
}

/// The worker wants nothing more and keeps what it holds.
package struct Drain: EmptyMessage {
    package static let opcode = Opcode.drain

    package init() {}
}

/// The server is going away.
package struct Draining: Message {
    package static let opcode = Opcode.draining

    /// Time until the server closes the connection.
    package var milliseconds: UInt32

    package init(milliseconds: UInt32) { self.milliseconds = milliseconds }

    package init(from reader: inout WireReader) throws(WireError) {
        milliseconds = try reader.u32()
    }

    package func write(to buffer: inout ByteBuffer) { buffer.writeLittle(milliseconds) }
}
