/// Where a Martlet server listens: `martlet://HOST:PORT`.
public struct MartletEndpoint: Hashable, Sendable {
    /// The port of `martlet serve` and of a gateway, unless told otherwise.
    public static let defaultPort = 7410

    /// A name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// 1 … 65,535.
    public let port: Int

    private init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// The server at this host and port.
    public static func martlet(host: String, port: Int = defaultPort) -> MartletEndpoint {
        MartletEndpoint(host: host, port: port)
    }

    /// Reads `martlet://HOST:PORT`, `martlet://HOST`, `HOST:PORT` or `HOST`; an IPv6 address is
    /// written in brackets.
    ///
    /// - Throws: ``MartletError/Code/endpointInvalid``, with what is wrong.
    public init(parsing text: String) throws(MartletError) {
        var rest = Substring(text)
        if let schemeEnd = rest.firstRange(of: "://") {
            guard rest[..<schemeEnd.lowerBound] == "martlet" else {
                throw .endpointInvalid(text, "its scheme is not martlet")
            }
            rest = rest[schemeEnd.upperBound...]
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        let (host, portText) = try Self.split(rest, of: text)
        guard !host.isEmpty else { throw .endpointInvalid(text, "it names no host") }
        guard host.allSatisfy({ !$0.isWhitespace && $0 != "/" && $0 != "@" }) else {
            throw .endpointInvalid(text, "a host has no spaces and none of / @")
        }
        guard let portText else {
            self.init(host: String(host), port: Self.defaultPort)
            return
        }
        guard let port = UInt16(portText), port > 0 else {
            throw .endpointInvalid(text, "a port is a number from 1 to 65535, not \"\(portText)\"")
        }
        self.init(host: String(host), port: Int(port))
    }

    /// Host without brackets, and the port's text when there is one.
    private static func split(
        _ authority: Substring, of text: String
    ) throws(MartletError) -> (Substring, Substring?) {
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else {
                throw .endpointInvalid(text, "the bracket of its IPv6 address is not closed")
            }
            let host = authority[authority.index(after: authority.startIndex)..<end]
            let tail = authority[authority.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else {
                throw .endpointInvalid(text, "only a port may follow its IPv6 address")
            }
            return (host, tail.isEmpty ? nil : tail.dropFirst())
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2 else {
            throw .endpointInvalid(text, "an IPv6 address is written in brackets")
        }
        return (parts[0], parts.count == 2 ? parts[1] : nil)
    }
}

extension MartletEndpoint: CustomStringConvertible {
    public var description: String {
        host.contains(":") ? "martlet://[\(host)]:\(port)" : "martlet://\(host):\(port)"
    }
}

extension MartletError {
    fileprivate static func endpointInvalid(_ text: String, _ reason: String) -> MartletError {
        MartletError(
            .endpointInvalid,
            "\"\(text)\" is no server address: \(reason). Example: martlet://127.0.0.1:7410")
    }
}
