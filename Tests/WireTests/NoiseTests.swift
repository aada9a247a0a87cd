import MartletWire
import NIOCore
import TestSupport
import Testing

/// Whatever comes, a reader answers or waits; it never traps.
struct NoiseTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `requests with changed bytes are answered`(run: UInt64) throws {
        let seed = UInt64.random(in: 0...UInt64.max) &+ run
        var generator = SplitMix(seed: seed)
        let streams = try VectorTests.cases.compactMap(\.vector)
            .map { try #require(bytes(hex: $0.hex.joined())) }
        for _ in 0..<500 {
            var stream = try #require(streams.randomElement(using: &generator))
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                // Behind the header mostly, so that the body is what breaks.
                let first = Bool.random(using: &generator) ? 0 : min(16, stream.count - 1)
                let index = Int.random(in: first..<stream.count, using: &generator)
                stream[index] = UInt8.random(in: 0...255, using: &generator)
            }
            let replies = TestServer.replies(to: stream, stage: .open, bytesAtATime: Int.max)
            for error in replies.compactMap(\.error) {
                #expect(!error.message.isEmpty, "seed \(seed)")
                #expect(error.closes == error.code.closes, "seed \(seed)")
            }
            try readAsClient(stream)
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `noise is answered or waited for`(run: UInt64) {
        let seed = UInt64.random(in: 0...UInt64.max) &+ run
        var generator = SplitMix(seed: seed)
        for stage in [TestServer.Stage.preface, .hello, .open] {
            for _ in 0..<200 {
                let count = Int.random(in: 0...200, using: &generator)
                let stream = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let replies = TestServer.replies(to: stream, stage: stage, bytesAtATime: 7)
                #expect(replies.count <= count, "seed \(seed)")
            }
        }
    }

    /// Reads whatever frames are in `stream` as the messages that they say they are.
    private func readAsClient(_ stream: [UInt8]) throws {
        var buffer = ByteBuffer(bytes: stream)
        while let frame = buffer.readFrame() {
            let kind = VectorTests.kinds.first { $0.opcode.rawValue == frame.header.opcode }
            try kind?.readsOrRefuses(frame.body)
        }
    }
}

extension Message {
    /// A body that can be read is written again as something that reads the same.
    fileprivate static func readsOrRefuses(_ body: ByteBuffer) throws {
        guard let message = read(body) else { return }
        var buffer = ByteBuffer()
        message.write(to: &buffer)
        #expect(try Self(body: buffer) == message)
    }

    private static func read(_ body: ByteBuffer) -> Self? {
        do throws(WireError) {
            return try Self(body: body)
        } catch {
            #expect(!error.message.isEmpty)
            return nil
        }
    }
}
