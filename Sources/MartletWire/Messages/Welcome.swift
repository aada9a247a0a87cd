package import NIOCore

/// The answer to `HELLO`: the session, and every limit in force.
package struct Welcome: Message {
    package static let opcode = Opcode.welcome

    package var version: UInt16
    package var session: UInt64
    package var secret: UInt64
    /// The session asked for goes on and keeps its leases.
    package var isResumed: Bool
    /// The server's clock, in milliseconds since 1970.
    package var serverTime: UInt64
    package var limits: ServerLimits
    /// Name and version of the server; at most 255 bytes.
    package var server: String

    package init(
        version: UInt16 = UInt16(Preface.version), session: UInt64, secret: UInt64, isResumed: Bool,
        serverTime: UInt64, limits: ServerLimits = ServerLimits(), server: String
    ) {
        self.version = version
        self.session = session
        self.secret = secret
        self.isResumed = isResumed
        self.serverTime = serverTime
        self.limits = limits
        self.server = server
    }

    package init(from reader: inout WireReader) throws(WireError) {
        version = try reader.u16()
        session = try reader.u64()
        secret = try reader.u64()
        isResumed = try reader.u8() != 0
        serverTime = try reader.u64()
        limits = try ServerLimits(from: &reader)
        server = try reader.text8()
        try reader.skipOptions()
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(version)
        buffer.writeLittle(session)
        buffer.writeLittle(secret)
        buffer.writeLittle(UInt8(isResumed ? 1 : 0))
        buffer.writeLittle(serverTime)
        limits.write(to: &buffer)
        buffer.writeText8(server)
    }
}

/// The limits that a server tells its clients; `Limits` explains each.
package struct ServerLimits: Equatable, Sendable {
    package var frameBytesMax = UInt32(Limits.frameBytesMax)
    package var messageBytesMax = UInt32(Limits.messageBytesMax())
    package var payloadBytesMax = UInt32(Limits.payloadBytesMax)
    package var batchMax = UInt32(Limits.batchMax)
    package var requestsInFlightMax = UInt32(Limits.requestsInFlightMax)
    package var bytesInFlightMax = UInt32(Limits.bytesInFlightMax)
    package var subscriptionsMax = UInt32(Limits.subscriptionsMax)
    package var idleMilliseconds = Limits.idleMilliseconds
    package var leaseMilliseconds = Limits.leaseMilliseconds
    package var graceMilliseconds = Limits.graceMilliseconds

    package init() {}

    init(from reader: inout WireReader) throws(WireError) {
        frameBytesMax = try reader.u32()
        messageBytesMax = try reader.u32()
        payloadBytesMax = try reader.u32()
        batchMax = try reader.u32()
        requestsInFlightMax = try reader.u32()
        bytesInFlightMax = try reader.u32()
        subscriptionsMax = try reader.u32()
        idleMilliseconds = try reader.u32()
        leaseMilliseconds = try reader.u32()
        graceMilliseconds = try reader.u32()
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            frameBytesMax, messageBytesMax, payloadBytesMax, batchMax, requestsInFlightMax,
            bytesInFlightMax, subscriptionsMax, idleMilliseconds, leaseMilliseconds,
            graceMilliseconds,
            endianness: .little)
    }
}
