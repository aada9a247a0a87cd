import MartletWire
import NIOCore
import Testing

struct PayloadTests {
    @Test func `the checksum is CRC32C`() {
        #expect(crc32c(ByteBuffer(string: "123456789")) == 0xe306_9283)
        #expect(crc32c(ByteBuffer()) == 0)
        // RFC 3720, appendix B.4.
        #expect(crc32c(ByteBuffer(repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(crc32c(ByteBuffer(repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(crc32c(ByteBuffer(bytes: 0..<32 as Range<UInt8>)) == 0x46dd_794e)
    }

    @Test func `a checksum can be continued`() {
        let whole = crc32c(ByteBuffer(string: "123456789"))
        let first = crc32c(ByteBuffer(string: "12345"))
        let second = ByteBuffer(string: "6789").withUnsafeReadableBytes { crc32c($0, from: first) }
        #expect(second == whole)
    }

    @Test func `a checksum is the same in one go as byte by byte, whatever the length`() {
        let bytes = ByteBuffer(bytes: (0..<3_500).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
        var byByte: UInt32 = 0
        bytes.withUnsafeReadableBytes { bytes in
            for length in 0..<bytes.count {
                let isSame = crc32c(UnsafeRawBufferPointer(rebasing: bytes[..<length])) == byByte
                #expect(isSame, "\(length) bytes")
                let next = UnsafeRawBufferPointer(rebasing: bytes[length...length])
                byByte = crc32c(next, from: byByte)
            }
        }
    }

    @Test func `any changed bit is noticed`() {
        let payload = Payload.plain(ByteBuffer(bytes: 0..<64 as Range<UInt8>))
        #expect(payload.isIntact)
        for bit in 0..<64 * 8 {
            var damaged = payload
            let byte = damaged.bytes.getInteger(at: bit / 8, as: UInt8.self) ?? 0
            damaged.bytes.setInteger(byte ^ (1 << UInt8(bit % 8)), at: bit / 8)
            #expect(!damaged.isIntact)
        }
    }

    @Test func `an empty payload is well only where one may be`() {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let view = PayloadView(codec: .plain, rawBytes: 0, checksum: 0, bytes: empty)
        #expect(view.refusal() == .payloadEmpty())
        #expect(view.refusal(allowsEmpty: true) == nil)
    }

    @Test func `a text is cut between characters of its encoding`() {
        #expect("größe".truncated(toUTF8Bytes: 7) == "größe")
        #expect("größe".truncated(toUTF8Bytes: 6) == "größ")
        #expect("größe".truncated(toUTF8Bytes: 5) == "grö")
        #expect("größe".truncated(toUTF8Bytes: 3) == "gr")
        #expect("🐦".truncated(toUTF8Bytes: 3) == "")
    }

    @Test func `numbers are grouped by thousands`() {
        #expect(0.grouped == "0")
        #expect(999.grouped == "999")
        #expect(734_003_200.grouped == "734,003,200")
        #expect((-1000).grouped == "-1,000")
        #expect(UInt64.max.grouped == "18,446,744,073,709,551,615")
    }

    @Test func `errors name the limit and the value`() {
        let error = WireError.payloadTooLarge(actual: 734_003_200, limit: 16_777_216)
        #expect(
            error.message
                == "payload is 734,003,200 bytes, the server's limit is 16,777,216 (payload_bytes_max)"
        )
        #expect(error.limit == 16_777_216)
        #expect(error.actual == 734_003_200)
    }
}
