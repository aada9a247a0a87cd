package import NIOCore

/// Where the next attempt can go on; empty: nowhere, forget it.
package struct CheckpointMessage: Message {
    package static let opcode = Opcode.checkpoint

    package var id: JobID
    package var token: UInt64
    /// At most 65,536.
    package var bytes: ByteBuffer

    package init(id: JobID, token: UInt64, bytes: ByteBuffer) {
        self.id = id
        self.token = token
        self.bytes = bytes
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        token = try reader.u64()
        let bytes = try reader.bytes32()
        try checkField("checkpoint's length", bytes.count, 0...Limits.checkpointBytesMax)
        self.bytes = ByteBuffer(bytes: bytes)
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(id.rawValue)
        buffer.writeLittle(token)
        buffer.writeData32(bytes)
    }
}
