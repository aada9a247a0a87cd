import MartletWire
import NIOCore

/// The broker's end of a link on its event loop: cuts what comes into frames and hands them to the link.
final class LinkHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let link: BrokerLink
    private var splitter = FrameSplitter(expectsPreface: false, frameBytesMax: Limits.frameBytesMax)

    init(link: BrokerLink) {
        self.link = link
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data))
        do {
            while let run = try splitter.nextRun() {
                link.received(run)
                splitter.frameBytesMax = link.frameBytesMax
            }
        } catch {
            link.failed(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        link.readComplete()
    }

    func read(context: ChannelHandlerContext) {
        // When clients are too far behind, the link asks again once they are not.
        if !link.isOutputFull { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        link.writabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.broke()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.failed(error)
    }
}
