package import NIOCore

/// Begins a connection or a channel: who is there, with what right, and which session goes on.
package struct Hello: Message {
    package static let opcode = Opcode.hello

    /// Name and version of the program, for logs; at most 255 bytes.
    package var client: String
    /// Bearer token; empty when none.
    package var token: String
    /// The session to resume and its secret; 0 for a new one.
    package var session: UInt64
    package var secret: UInt64
    package var codecs: Codecs
    /// This connection carries channels.
    package var isLink: Bool
    /// Where the client runs; at most 255 bytes.
    package var host: String?
    package var processID: UInt32?

    package struct Codecs: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let zstd = Codecs(rawValue: 1)
        /// Payloads that need a dictionary, too.
        package static let dictionaries = Codecs(rawValue: 2)
        package static let all: Codecs = [.zstd, .dictionaries]
    }

    package init(
        client: String, token: String = "", session: UInt64 = 0, secret: UInt64 = 0,
        codecs: Codecs = .all, isLink: Bool = false, host: String? = nil, processID: UInt32? = nil
    ) {
        self.client = client
        self.token = token
        self.session = session
        self.secret = secret
        self.codecs = codecs
        self.isLink = isLink
        self.host = host
        self.processID = processID
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            client: try reader.text8(), token: try reader.text16(), session: try reader.u64(),
            secret: try reader.u64(), codecs: Codecs(rawValue: try reader.u8()),
            isLink: try reader.flags(known: 1) == 1)
        var host: String?
        var processID: UInt32?
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 1: host = try option.restText()
            case 2: processID = try option.u32()
            default: option.skip()
            }
        }
        if let host, host.utf8.count > Limits.hostBytesMax {
            throw .fieldInvalid("host's length", actual: UInt64(host.utf8.count), range: 0...255)
        }
        self.host = host
        self.processID = processID
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(client)
        buffer.writeText16(token)
        buffer.writeLittle(session)
        buffer.writeLittle(secret)
        buffer.writeLittle(codecs.rawValue)
        buffer.writeLittle(UInt8(isLink ? 1 : 0))
        if let host { buffer.writeOption(1) { $0.writeString(host) } }
        if let processID { buffer.writeOption(2) { $0.writeLittle(processID) } }
    }
}
