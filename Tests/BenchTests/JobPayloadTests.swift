import MartletWire
import NIOCore
import Testing

@testable import Bench

struct JobPayloadTests {
    private let stamp = JobStamp(index: 0x1_2345_6789, sentAt: 0xfedc_ba98_7654_3210)

    private func bytes(_ byteCount: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        JobPayload(byteCount: byteCount).write(stamp, to: &buffer)
        return buffer
    }

    @Test(arguments: [JobPayload.bytesMin, 256, 4_096])
    func `the stamp comes back and the size is what was asked for`(byteCount: Int) {
        let bytes = bytes(byteCount)
        #expect(bytes.readableBytes == byteCount)
        #expect(bytes.withReader { JobPayload.stamp(of: $0.rest()) } == stamp)
    }

    @Test func `it reads like JSON`() {
        let text = String(buffer: bytes(100))
        #expect(text.hasPrefix(#"{"job":"0000000123456789","at":"fedcba9876543210","text":""#))
        #expect(text.hasSuffix(#""}"#))
    }

    @Test func `too short a payload has no stamp`() {
        let bytes = ByteBuffer(repeating: 0x30, count: JobPayload.bytesMin - 1)
        #expect(bytes.withReader { JobPayload.stamp(of: $0.rest()) } == nil)
    }
}
