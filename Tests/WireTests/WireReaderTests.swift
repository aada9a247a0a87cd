import MartletWire
import NIOCore
import Testing

struct WireReaderTests {
    @Test func `integers are little-endian`() throws {
        let buffer = ByteBuffer(bytes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        try buffer.withReader { (reader) throws(WireError) in
            #expect(try reader.u8() == 0x01)
            #expect(try reader.u16() == 0x0302)
            #expect(try reader.u32() == 0x0706_0504)
            #expect(try reader.u64() == 0x0f0e_0d0c_0b0a_0908)
            try reader.expectEnd()
        }
    }

    @Test func `an empty buffer has no byte, and an end`() throws {
        try ByteBuffer().withReader { (reader) throws(WireError) in
            try reader.expectEnd()
            #expect(reader.rest().isEmpty)
            #expect(try reader.bytes(0).isEmpty)
        }
        expectInvalid([]) { (reader) throws(WireError) in _ = try reader.u8() }
    }

    @Test(arguments: 0..<8)
    func `a field that is cut is refused`(count: Int) {
        expectInvalid(Array(repeating: 0xff, count: count)) { (reader) throws(WireError) in
            _ = try reader.u64()
        }
    }

    @Test(arguments: [1, 2, 4])
    func `the greatest length there is does not overflow`(width: Int) {
        expectInvalid(Array(repeating: 0xff, count: width + 3)) { (reader) throws(WireError) in
            switch width {
            case 1: _ = try reader.bytes8()
            case 2: _ = try reader.bytes16()
            default: _ = try reader.bytes32()
            }
        }
    }

    @Test func `an error says what was wanted, where, and what was left`() {
        let error = expectInvalid([1, 9, 9]) { (reader) throws(WireError) in
            _ = try reader.u8()
            _ = try reader.u32()
        }
        #expect(error?.message == "message ends early: 4 bytes wanted at 1, 2 left")
    }

    @Test func `an error in a part counts from the message's beginning`() {
        let error = expectInvalid([0, 0, 0, 7]) { (reader) throws(WireError) in
            _ = try reader.u16()
            var part = try reader.part(1)
            _ = try part.u16()
        }
        #expect(error?.message == "message ends early: 2 bytes wanted at 2, 1 left")
    }

    @Test func `a part ends where it ends, and the whole goes on behind it`() throws {
        try ByteBuffer(bytes: [1, 2, 3]).withReader { (reader) throws(WireError) in
            var part = try reader.part(2)
            #expect(Array(part.rest()) == [1, 2])
            try part.expectEnd()
            #expect(try reader.u8() == 3)
        }
    }

    @Test func `bytes left over are refused`() {
        let error = expectInvalid([1, 2, 3]) { (reader) throws(WireError) in
            _ = try reader.u8()
            try reader.expectEnd()
        }
        #expect(error?.message == "message has 2 bytes left over at 1")
    }

    @Test(arguments: [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80]] as [[UInt8]])
    func `a text that is not UTF-8 is refused`(bytes: [UInt8]) {
        expectInvalid([UInt8(bytes.count)] + bytes) { (reader) throws(WireError) in
            _ = try reader.text8()
        }
    }

    @Test func `options come with their tags, in order, and unknown ones are skipped`() throws {
        var buffer = ByteBuffer()
        buffer.writeOption(1) { $0.writeLittle(UInt16(7)) }
        buffer.writeOption(2) { $0.writeString("skipped") }
        buffer.writeOption(300) { $0.writeString("text") }
        var seen: [UInt16] = []
        try buffer.withReader { (reader) throws(WireError) in
            try reader.options { (tag, option) throws(WireError) in
                seen.append(tag)
                switch tag {
                case 1: #expect(try option.u16() == 7)
                case 300: #expect(try option.restText() == "text")
                default: option.skip()
                }
            }
        }
        #expect(seen == [1, 2, 300])
    }

    @Test func `an option that is not read to its end is refused`() {
        var buffer = ByteBuffer()
        buffer.writeOption(1) { $0.writeLittle(UInt32(7)) }
        expectInvalid(Array(buffer.readableBytesView)) { (reader) throws(WireError) in
            try reader.options { (_, option) throws(WireError) in _ = try option.u16() }
        }
    }

    @discardableResult
    private func expectInvalid(
        _ bytes: [UInt8], _ body: (inout WireReader) throws(WireError) -> Void
    ) -> WireError? {
        do throws(WireError) {
            try ByteBuffer(bytes: bytes).withReader(body)
            Issue.record("\(bytes) was accepted")
            return nil
        } catch {
            #expect(error.code == .invalidMessage)
            return error
        }
    }
}
