import MartletWire
import NIOCore
import Testing

@testable import Bench

struct JobPayloadTests {
    private let stamp = JobStamp(index: 0x1_2345_6789, sentAt: 0xfedc_ba98_7654_3210)

    private func bytes(_ byteCount: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        JobPayload(.generated(byteCount: byteCount)).write(stamp, to: &buffer)
        return buffer
    }

    @Test(arguments: [JobPayload.bytesMin, 256, 4_096])
    func `the stamp comes back and the size is what was asked for`(byteCount: Int) {
        let bytes = bytes(byteCount)
        #expect(bytes.readableBytes == byteCount)
        #expect(bytes.withReader { JobPayload.stamp(of: $0.rest().bytes) } == stamp)
    }

    @Test func `it reads like JSON`() {
        let text = String(buffer: bytes(100))
        #expect(text.hasPrefix(#"{"job":"0000000123456789","at":"fedcba9876543210","text":""#))
        #expect(text.hasSuffix(#""}"#))
    }

    @Test func `too short a payload has no stamp`() {
        let bytes = ByteBuffer(repeating: 0x30, count: 47)
        #expect(bytes.withReader { JobPayload.stamp(of: $0.rest().bytes) } == nil)
    }

    @Test func `a seed makes the same payloads again, another one makes others`() {
        func bytes(seed: UInt64) -> [ByteBuffer] {
            let payload = JobPayload(.generated(byteCount: 300), seed: seed)
            return (0..<10).map { index in
                var buffer = ByteBuffer()
                payload.write(JobStamp(index: index, sentAt: 5), to: &buffer)
                return buffer
            }
        }
        #expect(bytes(seed: 7) == bytes(seed: 7))
        #expect(bytes(seed: 7) != bytes(seed: 8))
        #expect(Set(bytes(seed: 7).map { $0.getSlice(at: 48, length: 200) }).count == 10)
    }

    @Test func `samples follow from the seed, and each text is in one of them`() throws {
        let lines = try PayloadSource.lines(of: Array("[1]\n\"x\"\n[2]\n".utf8), named: "f")
        let payload = JobPayload(lines)
        let samples = payload.samples(bytesMax: 10_000, seed: 1)
        #expect(samples.count == 3)
        #expect(samples == payload.samples(bytesMax: 10_000, seed: 1))
        #expect(samples != payload.samples(bytesMax: 10_000, seed: 2))
        #expect(samples[1].suffix(12).elementsEqual(#","body":"x"}"#.utf8))
        let two = payload.samples(bytesMax: payload.byteCount(of: 0) * 2, seed: 1)
        #expect(two == Array(samples.prefix(2)))
    }

    @Test func `a line of a file stands in the object as it is`() throws {
        let payload = JobPayload(try .lines(of: Array("[1]\n\"x\"\n".utf8), named: "f"))
        var buffer = ByteBuffer()
        payload.write(JobStamp(index: 1, sentAt: 2), to: &buffer)
        #expect(
            String(buffer: buffer)
                == #"{"job":"0000000000000001","at":"0000000000000002","body":"x"}"#)
        #expect(buffer.readableBytes == payload.byteCount(of: 1))
    }

    @Test func `a file without lines is refused by name`() {
        #expect {
            try PayloadSource.lines(of: Array("\n\n".utf8), named: "empty.txt")
        } throws: {
            "\($0)" == "--payload-file empty.txt has no lines"
        }
    }
}
