internal import NIOCore

/// Joins messages that came in several frames; one for each channel.
///
/// A message is known by its opcode and request id. One that breaks a bound is answered once and dropped to its
/// last frame.
package struct MessageAssembler: ~Copyable {
    package enum Step: Equatable, Sendable {
        /// A whole message: a frame without `MORE`, its body possibly longer than a frame may be.
        case message(Frame)
        /// Nothing to do until more frames come.
        case incomplete
        /// To be answered, if its request id is not 0; the rest of the message is dropped.
        case refused(WireError, requestID: UInt64)
    }

    package var messageBytesMax: Int

    private let unfinishedMax: Int
    private var unfinished: [Unfinished] = []

    /// Messages that are dropped and not at their end; past it the peer is not worth remembering more for.
    static let droppedMax = 64

    package init(
        messageBytesMax: Int = Limits.messageBytesMax(),
        unfinishedMax: Int = Limits.unfinishedMessagesMax
    ) {
        self.messageBytesMax = messageBytesMax
        self.unfinishedMax = unfinishedMax
    }

    /// Messages are under way: whole frames may go on with one of them.
    package var isAssembling: Bool { !unfinished.isEmpty }

    /// Bytes kept of messages that are not at their end.
    package var bufferedBytes: Int { unfinished.reduce(0) { $0 + $1.body.readableBytes } }

    /// - Throws: `BAD_FRAME` when the peer goes on beginning messages although they are refused.
    package mutating func accept(_ frame: Frame) throws(ClosingError) -> Step {
        let isLast = !frame.header.flags.contains(.more)
        if let index = unfinished.firstIndex(where: { $0.isContinued(by: frame.header) }) {
            return append(frame, at: index, isLast: isLast)
        }
        if isLast {
            guard Int(frame.header.length) <= messageBytesMax else { return tooLarge(frame, of: 0) }
            return .message(frame)
        }
        return try begin(frame)
    }

    private mutating func begin(_ frame: Frame) throws(ClosingError) -> Step {
        var message = Unfinished(opcode: frame.header.opcode, requestID: frame.header.requestID)
        if Int(frame.header.length) > messageBytesMax {
            try remember(dropped: message)
            return tooLarge(frame, of: 0)
        }
        guard unfinished.count(where: { !$0.isDropped }) < unfinishedMax else {
            try remember(dropped: message)
            return .refused(.tooManyUnfinished(limit: unfinishedMax), requestID: message.requestID)
        }
        message.body.writeImmutableBuffer(frame.body)
        unfinished.append(message)
        return .incomplete
    }

    private mutating func append(_ frame: Frame, at index: Int, isLast: Bool) -> Step {
        if unfinished[index].isDropped {
            if isLast { unfinished.remove(at: index) }
            return .incomplete
        }
        let bytes = unfinished[index].body.readableBytes
        guard bytes + Int(frame.header.length) <= messageBytesMax else {
            if isLast { unfinished.remove(at: index) } else { unfinished[index].drop() }
            return tooLarge(frame, of: bytes)
        }
        unfinished[index].body.writeImmutableBuffer(frame.body)
        guard isLast else { return .incomplete }
        var header = frame.header
        let body = unfinished.remove(at: index).body
        header.length = UInt32(body.readableBytes)
        return .message(Frame(header: header, body: body))
    }

    private mutating func remember(dropped message: Unfinished) throws(ClosingError) {
        guard unfinished.count(where: \.isDropped) < MessageAssembler.droppedMax else {
            throw ClosingError(
                .badFrame, requestID: message.requestID, limit: UInt64(MessageAssembler.droppedMax),
                "more than \(MessageAssembler.droppedMax) refused messages are still unfinished")
        }
        var message = message
        message.drop()
        unfinished.append(message)
    }

    private func tooLarge(_ frame: Frame, of earlier: Int) -> Step {
        .refused(
            .messageTooLarge(actual: earlier + Int(frame.header.length), limit: messageBytesMax),
            requestID: frame.header.requestID)
    }
}

/// A message whose last frame has not come.
private struct Unfinished {
    let opcode: UInt8
    let requestID: UInt64
    var body = ByteBuffer()
    private(set) var isDropped = false

    init(opcode: UInt8, requestID: UInt64) {
        self.opcode = opcode
        self.requestID = requestID
    }

    func isContinued(by header: FrameHeader) -> Bool {
        header.opcode == opcode && header.requestID == requestID
    }

    mutating func drop() {
        isDropped = true
        body = ByteBuffer()
    }
}
