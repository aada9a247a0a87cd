import MartletWire
import NIOCore
import Synchronization

/// A connection's messages, in the order they came; a test takes them one at a time.
final class FrameQueue: Sendable {
    private let stream: AsyncStream<Frame>
    private let continuation: AsyncStream<Frame>.Continuation
    /// Came before one that was looked for.
    private let kept = Mutex<[Frame]>([])

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func append(_ frame: Frame) { continuation.yield(frame) }

    func finish() { continuation.finish() }

    /// Takes the first message that fits; waits for it if none has come.
    /// - Throws: `ScriptError.ended` when the connection ends without one.
    func next(where fits: (Frame) -> Bool) async throws -> Frame {
        let found = kept.withLock { frames in
            frames.firstIndex(where: fits).map { frames.remove(at: $0) }
        }
        if let found { return found }
        for await frame in stream {
            if fits(frame) { return frame }
            kept.withLock { $0.append(frame) }
        }
        throw ScriptError.ended
    }
}

/// Joins frames to messages and hands them to the test.
final class FrameCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var splitter = FrameSplitter(
        expectsPreface: true, frameBytesMax: Limits.frameBytesMax)
    private var assembler = MessageAssembler()
    private let messages: FrameQueue

    init(_ messages: FrameQueue) {
        self.messages = messages
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data))
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() {
                    if case .message(let message) = try assembler.accept(frame) {
                        messages.append(message)
                    }
                }
            }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        messages.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
