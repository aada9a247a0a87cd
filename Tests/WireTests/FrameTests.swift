import MartletWire
import NIOCore
import Testing

struct FrameTests {
    @Test func `a header is written as it is read`() throws {
        let header = FrameHeader(
            length: 3, opcode: 0xa0, flags: .more, channel: 0x1234, requestID: 0x0102_0304_0506_0708
        )
        var buffer = ByteBuffer()
        buffer.writeFrameHeader(header)
        #expect(
            hex(buffer.readableBytesView) == "03000000" + "a0" + "01" + "3412" + "0807060504030201")
        #expect(buffer.peekFrameHeader() == header)
        #expect(header.frameBytes == 19)
    }

    @Test func `fifteen bytes are no header`() {
        #expect(ByteBuffer(repeating: 0, count: 15).peekFrameHeader() == nil)
        #expect(ByteBuffer(repeating: 0, count: 16).peekFrameHeader() != nil)
    }

    @Test func `a frame is read only when it is complete`() {
        var buffer = ByteBuffer()
        buffer.write(Draining(milliseconds: 5), requestID: 1)
        var cut = buffer.getSlice(at: 0, length: buffer.readableBytes - 1)
        #expect(cut?.readFrame() == nil)
        #expect(cut?.readableBytes == 19)
        #expect(buffer.readFrame()?.body.readableBytes == 4)
        #expect(buffer.readFrame() == nil)
    }

    @Test func `frames are written behind what the buffer holds, also when it was read from`()
        throws
    {
        var buffer = ByteBuffer(string: "before")
        buffer.moveReaderIndex(forwardBy: 3)
        buffer.write(Ping(bytes: [1]), requestID: 1)
        buffer.write(Ping(bytes: Array(repeating: 7, count: 10)), requestID: 2, splitBytes: 4)
        #expect(buffer.readString(length: 3) == "ore")
        #expect(buffer.readFrame()?.header.requestID == 1)
        let lengths = (0..<3).map { _ in buffer.readFrame()?.header.length }
        #expect(lengths == [4, 4, 2])
        #expect(buffer.readableBytes == 0)
    }

    @Test(arguments: [1, 2, 7, 63, 64, 65])
    func `a long body is cut into frames that join to it`(splitBytes: Int) throws {
        let body = Array(UInt8(0)..<64)
        var buffer = ByteBuffer()
        buffer.write(Ping(bytes: body), requestID: 9, channel: 3, splitBytes: splitBytes)
        var joined: [UInt8] = []
        var flags: [FrameFlags] = []
        while let frame = buffer.readFrame() {
            #expect(frame.header.opcode == Opcode.ping.rawValue)
            #expect(frame.header.channel == 3)
            #expect(frame.header.requestID == 9)
            #expect(Int(frame.header.length) <= splitBytes)
            joined += frame.body.readableBytesView
            flags.append(frame.header.flags)
        }
        #expect(joined == body)
        #expect(flags.last == [])
        #expect(flags.dropLast().allSatisfy { $0 == .more })
        #expect(flags.count == (64 + splitBytes - 1) / splitBytes)
    }

    @Test func `a link changes a frame's channel and nothing else`() {
        var buffer = ByteBuffer(bytes: [0xee])
        buffer.write(Ping(bytes: [1, 2]), requestID: 5, channel: 1)
        var expected = ByteBuffer(bytes: [0xee])
        expected.write(Ping(bytes: [1, 2]), requestID: 5, channel: 0xabcd)
        buffer.setFrameChannel(0xabcd, at: 1)
        #expect(buffer == expected)
    }

    @Test func `a preface is told from noise at the first byte that differs`() {
        #expect(Preface.check(ByteBuffer()) == .incomplete)
        #expect(Preface.check(ByteBuffer(string: "MARTLET")) == .incomplete)
        #expect(Preface.check(ByteBuffer(string: "MARX")) == .bad)
        #expect(Preface.check(ByteBuffer(string: "G")) == .bad)
        #expect(Preface.check(ByteBuffer(bytes: Preface.bytes + [1, 2])) == .ok)
        #expect(Preface.check(ByteBuffer(bytes: Preface.bytes.dropLast() + [9])) == .version(9))
    }
}
