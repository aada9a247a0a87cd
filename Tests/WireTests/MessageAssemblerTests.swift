import MartletWire
import NIOCore
import Testing

struct MessageAssemblerTests {
    @Test func `a message in one frame is that frame`() throws {
        var assembler = MessageAssembler()
        let only = frame(1, "hello")
        #expect(try assembler.accept(only) == .message(only))
    }

    @Test func `frames of two messages may come between each other`() throws {
        var assembler = MessageAssembler()
        #expect(try assembler.accept(frame(1, "a", more: true)) == .incomplete)
        #expect(try assembler.accept(frame(2, "x", more: true)) == .incomplete)
        #expect(try assembler.accept(frame(3, "whole")) == .message(frame(3, "whole")))
        #expect(assembler.bufferedBytes == 2)
        #expect(try assembler.accept(frame(1, "b", more: true)) == .incomplete)
        #expect(try assembler.accept(frame(2, "y")) == .message(frame(2, "xy")))
        #expect(try assembler.accept(frame(1, "c")) == .message(frame(1, "abc")))
        #expect(assembler.bufferedBytes == 0)
    }

    @Test func `the same request id under another opcode is another message`() throws {
        var assembler = MessageAssembler()
        #expect(try assembler.accept(frame(1, "a", more: true)) == .incomplete)
        let other = frame(1, "push", opcode: .jobs)
        #expect(try assembler.accept(other) == .message(other))
        #expect(try assembler.accept(frame(1, "b")) == .message(frame(1, "ab")))
    }

    @Test func `a message that grows too large is answered once and dropped to its end`() throws {
        var assembler = MessageAssembler(messageBytesMax: 4)
        #expect(try assembler.accept(frame(1, "abc", more: true)) == .incomplete)
        let step = try assembler.accept(frame(1, "de", more: true))
        #expect(step == .refused(.messageTooLarge(actual: 5, limit: 4), requestID: 1))
        #expect(assembler.bufferedBytes == 0)
        #expect(try assembler.accept(frame(1, "fghij", more: true)) == .incomplete)
        #expect(try assembler.accept(frame(1, "k")) == .incomplete)
        #expect(try assembler.accept(frame(1, "next")) == .message(frame(1, "next")))
    }

    @Test func `a message too large in its last frame is over with the answer`() throws {
        var assembler = MessageAssembler(messageBytesMax: 4)
        #expect(try assembler.accept(frame(1, "abc", more: true)) == .incomplete)
        let step = try assembler.accept(frame(1, "de"))
        #expect(step == .refused(.messageTooLarge(actual: 5, limit: 4), requestID: 1))
        #expect(try assembler.accept(frame(1, "next")) == .message(frame(1, "next")))
    }

    @Test(arguments: [true, false])
    func `a first frame that is too large is refused`(more: Bool) throws {
        var assembler = MessageAssembler(messageBytesMax: 4)
        let step = try assembler.accept(frame(1, "abcde", more: more))
        #expect(step == .refused(.messageTooLarge(actual: 5, limit: 4), requestID: 1))
        if more { #expect(try assembler.accept(frame(1, "f")) == .incomplete) }
        #expect(try assembler.accept(frame(1, "next")) == .message(frame(1, "next")))
    }

    @Test func `one unfinished message too many is refused, and the others go on`() throws {
        var assembler = MessageAssembler(unfinishedMax: 2)
        for id in 1...2 as ClosedRange<UInt64> {
            #expect(try assembler.accept(frame(id, "a", more: true)) == .incomplete)
        }
        let refusal = WireError.tooManyUnfinished(limit: 2)
        #expect(try assembler.accept(frame(3, "a", more: true)) == .refused(refusal, requestID: 3))
        #expect(try assembler.accept(frame(3, "b", more: true)) == .incomplete)
        #expect(try assembler.accept(frame(1, "b")) == .message(frame(1, "ab")))
        #expect(try assembler.accept(frame(3, "c")) == .incomplete)
        #expect(try assembler.accept(frame(3, "a", more: true)) == .incomplete)
    }

    @Test func `a peer that never ends what was refused is closed`() throws {
        var assembler = MessageAssembler(unfinishedMax: 0)
        for id in 1...64 as ClosedRange<UInt64> {
            guard case .refused = try assembler.accept(frame(id, "a", more: true)) else {
                Issue.record("message \(id) was accepted")
                return
            }
        }
        let code = throwsCode { () throws(ClosingError) in
            _ = try assembler.accept(frame(65, "a", more: true))
        }
        #expect(code == .badFrame)
    }

    private func frame(
        _ requestID: UInt64, _ body: String, opcode: Opcode = .submit, more: Bool = false
    ) -> Frame {
        let body = ByteBuffer(string: body)
        return Frame(
            header: FrameHeader(
                length: UInt32(body.readableBytes), opcode: opcode.rawValue,
                flags: more ? .more : [],
                requestID: requestID),
            body: body)
    }
}
