import Foundation

/// A small client of the protocol, written from PROTOCOL.md alone and apart from the product's
/// code. Blocking.
///
/// `@unchecked Sendable`: used by one thread at a time.
final class RawConnection: @unchecked Sendable {
    struct Frame {
        let opcode: UInt8
        let requestID: UInt64
        let body: [UInt8]
    }

    /// The other side has closed the connection, or no byte came for too long.
    struct Closed: Error {
        let isTimeout: Bool
    }

    private let socket: Int32
    private var received: [UInt8] = []
    private var position = 0
    private var lastRequestID: UInt64 = 0
    /// Messages whose last frame has not come, by opcode and request id.
    private var unfinished: [String: [UInt8]] = [:]

    /// Connects; sends nothing.
    /// - Parameter patience: the longest silence that a read waits through, in seconds.
    init(port: UInt16, patience: Int = 20) throws {

        socket = Foundation.socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(socket, $0, size)
            }
        }
        guard connected == 0 else {
            Foundation.close(socket)
            throw Closed(isTimeout: false)
        }
        var timeout = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(
            socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { Foundation.close(socket) }

    static let preface: [UInt8] = Array("MARTLET".utf8) + [1]

    func nextRequestID() -> UInt64 {
        lastRequestID += 1
        return lastRequestID
    }

    func sendRaw(_ bytes: [UInt8]) throws {
        var rest = bytes
        while !rest.isEmpty {
            let sent = send(socket, rest, rest.count, Int32(MSG_NOSIGNAL))
            guard sent > 0 else { throw Closed(isTimeout: false) }
            rest.removeFirst(sent)
        }
    }

    static func frame(_ opcode: UInt8, _ requestID: UInt64, _ body: [UInt8]) -> [UInt8] {
        var writer = RawWriter()
        writer.put(UInt32(body.count))
        writer.put(opcode)
        writer.put(UInt8(0))
        writer.put(UInt16(0))
        writer.put(requestID)
        writer.raw(body)
        return writer.bytes
    }

    func sendFrame(_ opcode: UInt8, _ requestID: UInt64, _ body: [UInt8]) throws {
        try sendRaw(Self.frame(opcode, requestID, body))
    }

    /// The next message, its frames joined.
    func readFrame() throws -> Frame {
        while true {
            var header = RawReader(try read(16))
            let length = Int(try header.get(UInt32.self))
            let opcode = try header.get(UInt8.self)
            let hasMore = try header.get(UInt8.self) & 1 == 1
            _ = try header.get(UInt16.self)
            let requestID = try header.get(UInt64.self)
            let key = "\(opcode) \(requestID)"
            let body = (unfinished.removeValue(forKey: key) ?? []) + (try read(length))
            guard hasMore else { return Frame(opcode: opcode, requestID: requestID, body: body) }
            unfinished[key] = body
        }
    }

    private func read(_ count: Int) throws -> [UInt8] {
        while received.count - position < count { try fill() }
        defer { position += count }
        return Array(received[position..<position + count])
    }

    private func fill() throws {
        if position > 0 {
            received.removeFirst(position)
            position = 0
        }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count > 0 else { throw Closed(isTimeout: count < 0 && errno == EAGAIN) }
        received += buffer.prefix(count)
    }

    /// Everything until the other side closes.
    func readToEnd() throws -> [Frame] {
        var frames: [Frame] = []
        while true {
            do {
                frames.append(try readFrame())
            } catch let closed as Closed {
                if closed.isTimeout { throw closed }
                return frames
            }
        }
    }
}
