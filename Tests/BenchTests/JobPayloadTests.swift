import MartletWire
import NIOCore
import Testing

@testable import Bench

struct JobPayloadTests {
    private let stamp = JobStamp(index: 0x1_2345_6789, sentAt: 0xfedc_ba98_7654_3210)

    @Test(arguments: [JobPayload.bytesMin, 256, 4_096])
    func `the stamp comes back and the size is kept`(byteCount: Int) {
        var payload = JobPayload(byteCount: byteCount)
        payload.stamp(stamp)
        #expect(payload.bytes.readableBytes == byteCount)
        let found = payload.bytes.withReader { JobPayload.stamp(of: $0.rest()) }
        #expect(found == stamp)
    }

    @Test func `it reads like JSON`() {
        var payload = JobPayload(byteCount: 100)
        payload.stamp(stamp)
        let text = String(buffer: payload.bytes)
        #expect(text.hasPrefix(#"{"job":"0000000123456789","at":"fedcba9876543210","text":""#))
        #expect(text.hasSuffix(#""}"#))
    }

    @Test func `too short a payload has no stamp`() {
        let bytes = ByteBuffer(repeating: 0x30, count: JobPayload.bytesMin - 1)
        #expect(bytes.withReader { JobPayload.stamp(of: $0.rest()) } == nil)
    }

    @Test func `one other byte makes it unequal`() {
        let payload = JobPayload(byteCount: 100)
        var other = payload.bytes
        #expect(other.withReader { payload.equals($0.rest()) })
        other.setInteger(UInt8(0), at: 80)
        #expect(!other.withReader { payload.equals($0.rest()) })
    }
}
