import CMartletZstd
import Testing

@testable import MartletCompression

/// Frames that a peer could send to make the reader allocate, wait or misread.
@Suite struct HostileFrameTests {
    private let zstd = Zstd()

    @Test func `a bomb is refused by its declared length`() {
        let bomb = frame(of: [UInt8](repeating: 0, count: 64 << 20))
        #expect(bomb.count < 8_192)
        #expect(throws: ZstdError.aboveLimit(declared: 64 << 20, limit: 16 << 20)) {
            try zstd.inflate(bytes: bomb, rawBytes: 64 << 20, limit: 16 << 20)
        }
    }

    @Test func `a bomb that declares little is refused by its header`() {
        let bomb = frame(of: [UInt8](repeating: 0, count: 64 << 20))
        #expect(throws: ZstdError.lengthDiffers(declared: 1_000, stated: 64 << 20)) {
            try zstd.inflate(bytes: bomb, rawBytes: 1_000, limit: 16 << 20)
        }
    }

    @Test func `a forged header of one gibibyte is refused`() {
        // Magic, a descriptor that says "8-byte length, one segment", 1 GiB, then an RLE block that
        // ends it.
        let forged: [UInt8] =
            [0x28, 0xb5, 0x2f, 0xfd, 0xe0] + [0, 0, 0, 0x40, 0, 0, 0, 0] + [0x03, 0, 0, 0x41]
        #expect(throws: ZstdError.aboveLimit(declared: 1 << 30, limit: 16 << 20)) {
            try zstd.inflate(bytes: forged, rawBytes: 1 << 30, limit: 16 << 20)
        }
        #expect(throws: ZstdError.lengthDiffers(declared: 1 << 20, stated: 1 << 30)) {
            try zstd.inflate(bytes: forged, rawBytes: 1 << 20, limit: 16 << 20)
        }
    }

    @Test func `a header that promises more than the blocks give is damage`() {
        // As above, but 1 KiB is promised and no byte is there.
        let forged: [UInt8] =
            [0x28, 0xb5, 0x2f, 0xfd, 0xe0] + [0, 4, 0, 0, 0, 0, 0, 0] + [0x01, 0, 0]
        #expect {
            try zstd.inflate(bytes: forged, rawBytes: 1_024, limit: 16 << 20)
        } throws: {
            if case .damaged = $0 as? ZstdError { true } else { false }
        }
    }

    @Test func `a frame without its length is refused`() {
        let streamed = frame(of: text(1_000), statesLength: false)
        #expect(throws: ZstdError.unknownLength) {
            try zstd.inflate(bytes: streamed, rawBytes: 1_000, limit: 16 << 20)
        }
    }

    @Test func `bytes behind the frame are refused`() {
        let one = frame(of: text(1_000))
        for tail in [[0], one] as [[UInt8]] {
            let bytes = one + tail
            #expect(throws: ZstdError.notOneFrame(frameBytes: one.count, bytes: bytes.count)) {
                try zstd.inflate(bytes: bytes, rawBytes: 1_000, limit: 16 << 20)
            }
        }
    }

    @Test func `a frame cut at any byte is refused`() {
        let whole = frame(of: text(1_000))
        for count in 0..<whole.count {
            #expect(throws: ZstdError.self, "cut at \(count)") {
                try zstd.inflate(bytes: Array(whole.prefix(count)), rawBytes: 1_000, limit: 1_000)
            }
        }
    }

    @Test(arguments: [-1, 0, 999, 1_001])
    func `a wrong declared length is refused`(declared: Int) {
        let whole = frame(of: text(1_000))
        #expect(throws: ZstdError.lengthDiffers(declared: declared, stated: 1_000)) {
            try zstd.inflate(bytes: whole, rawBytes: declared, limit: 16 << 20)
        }
    }

    @Test func `a skippable frame is no payload`() {
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
        #expect(throws: ZstdError.self) {
            try zstd.inflate(bytes: skippable, rawBytes: 4, limit: 16 << 20)
        }
    }

    @Test func `noise is refused whatever it declares`() {
        var random = SystemRandomNumberGenerator()
        for count in 0..<200 {
            let noise = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            #expect(throws: ZstdError.self, "\(noise)") {
                try zstd.inflate(bytes: noise, rawBytes: 100, limit: 16 << 20)
            }
        }
    }

    /// Compresses through zstd's own interface, as a peer would.
    private func frame(of raw: [UInt8], statesLength: Bool = true) -> [UInt8] {
        let context = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, statesLength ? 1 : 0)
        var target = [UInt8](repeating: 0, count: ZSTD_compressBound(raw.count))
        let written = ZSTD_compress2(context, &target, target.count, raw, raw.count)
        return Array(target.prefix(written))
    }
}
