import Foundation
import NIOCore
import NIOPosix

/// An HTTP answer as it was on the wire.
struct HTTPAnswer: Sendable {
    let status: Int
    /// Names in lower case.
    let headers: [String: String]
    let body: String

    /// The body as the JSON object that it is.
    var object: [String: Any] {
        get throws {
            try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// The problem's code.
    var code: String? {
        get throws { try object["code"] as? String }
    }

    var lines: [Substring] { body.split(separator: "\n") }

    /// Asks one thing on a connection of its own, and reads until the server closes it.
    static func to(
        _ method: String, _ path: String, at address: SocketAddress,
        headers: [String: String] = [:],
        body: String = ""
    ) async throws -> HTTPAnswer {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        if !body.isEmpty { head += "Content-Length: \(body.utf8.count)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        return try await exchange(head + "\r\n" + body, with: address)
    }

    /// Sends text as it is, and reads until the server closes the connection.
    static func exchange(_ text: String, with address: SocketAddress) async throws -> HTTPAnswer {
        let answer = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(answer: answer))
                }
            }
            .connect(to: address)
            .get()
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        return HTTPAnswer(parsing: try await answer.futureResult.get())
    }

    private init(parsing text: String) {
        let end = text.firstRange(of: "\r\n\r\n")
        let head = text[..<(end?.lowerBound ?? text.endIndex)].split(separator: "\r\n")
        status = head.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        var headers: [String: String] = [:]
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        self.headers = headers
        body = String(text[(end?.upperBound ?? text.endIndex)...])
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let answer: EventLoopPromise<String>
        private var bytes = ByteBuffer()

        init(answer: EventLoopPromise<String>) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var part = unwrapInboundIn(data)
            bytes.writeBuffer(&part)
        }

        func channelInactive(context: ChannelHandlerContext) {
            answer.succeed(String(buffer: bytes))
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            answer.fail(error)
        }
    }
}
