import Glibc
import NIOCore
import NIOPosix
import Store

/// Tells the writer's loop that the kernel has carried out appends: it looks at their eventfd as at its sockets.
final class AppendSignal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let tell: () -> Void

    private init(_ tell: @escaping () -> Void) { self.tell = tell }

    /// On the loop. Until the channel is closed.
    static func connect(
        _ appends: AsynchronousAppends, to loop: any EventLoop, _ tell: @escaping () -> Void
    ) -> EventLoopFuture<any Channel> {
        let descriptor = fcntl(appends.signal, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else {
            let error = IOError(errnoCode: errno, reason: "fcntl")
            return loop.makeFailedFuture(error)
        }
        let signal = NIOLoopBound(AppendSignal(tell), eventLoop: loop)
        return NIOPipeBootstrap(group: loop)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: MemoryLayout<UInt64>.size)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(signal.value)
                }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { tell() }
}
