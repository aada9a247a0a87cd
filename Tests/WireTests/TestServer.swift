import MartletWire
import NIOCore

/// As much of a server as it takes to read requests and to find what is wrong with them.
struct TestServer: ~Copyable {
    /// How far the connection has come.
    enum Stage: String, Decodable, Sendable {
        case preface
        case hello
        case open
    }

    struct Reply: Sendable {
        var requestID: UInt64
        var error: ErrorMessage?
        var items: [UInt16]?
    }

    private var splitter: FrameSplitter
    private var assembler = MessageAssembler()
    private var replies: [Reply] = []

    private init(_ stage: Stage) {
        splitter = FrameSplitter(expectsPreface: stage == .preface)
        if stage == .open { splitter.frameBytesMax = Limits.frameBytesMax }
    }

    /// What is answered to a stream that comes in pieces of `bytesAtATime`; good requests get none.
    static func replies(to stream: [UInt8], stage: Stage, bytesAtATime: Int) -> [Reply] {
        var server = TestServer(stage)
        var rest = stream[...]
        do throws(ClosingError) {
            while !rest.isEmpty {
                try server.receive(ByteBuffer(bytes: rest.prefix(bytesAtATime)))
                rest = rest.dropFirst(bytesAtATime)
            }
        } catch {
            server.replies.append(Reply(requestID: error.requestID, error: ErrorMessage(error)))
        }
        return server.replies
    }

    private mutating func receive(_ bytes: ByteBuffer) throws(ClosingError) {
        splitter.append(bytes)
        while var run = try splitter.nextRun() {
            while let frame = run.readFrame() {
                switch try assembler.accept(frame) {
                case .message(let message): carryOut(message)
                case .incomplete: break
                case .refused(let error, let requestID):
                    replies.append(Reply(requestID: requestID, error: ErrorMessage(error)))
                }
            }
        }
    }

    private mutating func carryOut(_ frame: Frame) {
        do throws(WireError) {
            if let items = try TestServer.read(frame), items.contains(where: { $0 != 0 }) {
                replies.append(Reply(requestID: frame.header.requestID, items: items))
            }
        } catch {
            replies.append(Reply(requestID: frame.header.requestID, error: ErrorMessage(error)))
        }
    }

    /// Reads a request; a batch's result is the error code of each item.
    private static func read(_ frame: Frame) throws(WireError) -> [UInt16]? {
        guard let opcode = Opcode(rawValue: frame.header.opcode), opcode.isRequest else {
            throw .unknownOpcode(frame.header.opcode)
        }
        switch opcode {
        case .submit: return try submitCodes(frame.body)
        case .settle: return try settleCodes(frame.body)
        default:
            try VectorTests.kinds.first { $0.opcode == opcode }?.check(frame.body)
            return nil
        }
    }

    private static func submitCodes(_ body: ByteBuffer) throws(WireError) -> [UInt16] {
        try body.withReader { (reader) throws(WireError) in
            var view = try SubmitView(from: &reader)
            var codes: [UInt16] = []
            while let item = try view.nextItem() {
                codes.append(item.refusal()?.code.rawValue ?? 0)
            }
            return codes
        }
    }

    private static func settleCodes(_ body: ByteBuffer) throws(WireError) -> [UInt16] {
        try body.withReader { (reader) throws(WireError) in
            var view = try SettleView(from: &reader)
            var codes: [UInt16] = []
            while let item = try view.nextItem() {
                codes.append(item.refusal()?.code.rawValue ?? 0)
            }
            return codes
        }
    }
}

extension Message {
    fileprivate static func check(_ body: ByteBuffer) throws(WireError) { _ = try Self(body: body) }
}
