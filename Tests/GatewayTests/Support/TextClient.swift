import NIOCore
import NIOPosix

/// A connection that hands over what comes as it comes.
struct TextClient: Sendable {
    let parts: Mailbox<String>
    private let channel: any Channel

    static func connect(to address: SocketAddress, sending text: String) async throws -> TextClient
    {
        let parts = Mailbox<String>()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Reader(parts: parts))
                }
            }
            .connect(to: address)
            .get()
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        return TextClient(parts: parts, channel: channel)
    }

    /// Takes what comes until all of it fits; `nil`: it ended before.
    func text(until fits: (String) -> Bool) async -> String? {
        var text = ""
        while !fits(text) {
            guard let part = await parts.next() else { return nil }
            text += part
        }
        return text
    }

    func close() async throws { try await channel.close() }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let parts: Mailbox<String>

        init(parts: Mailbox<String>) {
            self.parts = parts
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            parts.put(String(buffer: unwrapInboundIn(data)))
        }

        func channelInactive(context: ChannelHandlerContext) {
            parts.close()
        }
    }
}
