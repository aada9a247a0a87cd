internal import NIOCore

/// What is known of a dictionary beside its bytes.
package struct DictionaryInfo: Equatable, Sendable {
    package enum State: UInt8, Sendable {
        /// New payloads of the type are compressed with it.
        case active = 1
        /// It is there only for the jobs that name it.
        case retired = 2
    }

    /// The one that its bytes say, and the frames compressed with it.
    package var id: UInt32
    package var type: String
    /// 1, 2, … of the type.
    package var version: UInt32
    package var state: State
    /// Milliseconds since 1970.
    package var createdAt: UInt64
    /// Milliseconds since 1970; 0: it is active.
    package var retiredAt: UInt64
    package var byteCount: UInt32
    /// CRC32C of its bytes.
    package var checksum: UInt32
    /// Payloads and results of stored jobs that need it.
    package var references: UInt64

    package init(
        id: UInt32, type: String, version: UInt32, state: State, createdAt: UInt64,
        retiredAt: UInt64 = 0, byteCount: UInt32, checksum: UInt32, references: UInt64 = 0
    ) {
        self.id = id
        self.type = type
        self.version = version
        self.state = state
        self.createdAt = createdAt
        self.retiredAt = retiredAt
        self.byteCount = byteCount
        self.checksum = checksum
        self.references = references
    }

    init(from reader: inout WireReader) throws(WireError) {
        id = try reader.u32()
        type = try reader.text8()
        version = try reader.u32()
        state = try reader.named("state")
        createdAt = try reader.u64()
        retiredAt = try reader.u64()
        byteCount = try reader.u32()
        checksum = try reader.u32()
        references = try reader.u64()
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(id)
        buffer.writeText8(type)
        buffer.writeMultipleIntegers(
            version, state.rawValue, createdAt, retiredAt, byteCount, checksum, references,
            endianness: .little)
    }
}
