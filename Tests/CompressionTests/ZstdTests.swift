import CMartletZstd
import Testing

@testable import MartletCompression

@Suite struct ZstdTests {
    private let zstd = Zstd()

    @Test(arguments: [128, 258, 4_096, 1_000_000, 16_777_216])
    func `what was compressed inflates to the same bytes`(count: Int) throws {
        let raw = text(count)
        let frame = try #require(zstd.compress(bytes: raw))
        #expect(frame.count < count)
        #expect(try zstd.inflate(bytes: frame, rawBytes: count, limit: count) == raw)
    }

    @Test func `a frame states the length of its content`() throws {
        let frame = try #require(zstd.compress(bytes: text(1_000)))
        #expect(ZSTD_getFrameContentSize(frame, frame.count) == 1_000)
    }

    @Test(arguments: [0, 1, 63])
    func `bytes too short to gain are left as they are`(count: Int) {
        #expect(zstd.compress(bytes: [UInt8](repeating: 65, count: count)) == nil)
    }

    @Test func `bytes without redundancy are left as they are`() {
        var random = SystemRandomNumberGenerator()
        let noise = (0..<10_000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        #expect(zstd.compress(bytes: noise) == nil)
    }

    @Test func `a gain below a sixteenth is not taken`() {
        // 15,600 random bytes and 400 zeros: the zeros alone could be saved, a fortieth.
        var random = SystemRandomNumberGenerator()
        let noise = (0..<15_600).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        #expect(zstd.compress(bytes: (noise + [UInt8](repeating: 0, count: 400))) == nil)
    }

    @Test func `contexts are reused by many tasks at once`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<64 {
                group.addTask { [zstd] in
                    let raw = text(1_000 + index * 37)
                    let frame = try #require(zstd.compress(bytes: raw))
                    let inflated = try zstd.inflate(
                        bytes: frame, rawBytes: raw.count, limit: raw.count)
                    #expect(inflated == raw)
                }
            }
            try await group.waitForAll()
        }
    }
}
