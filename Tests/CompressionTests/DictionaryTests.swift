import MartletCompression
import Testing

/// Payloads of one kind, which have much in common and little of their own.
struct DictionaryTests {
    private let zstd = Zstd()

    private static func samples(_ count: Int, seed: UInt64 = 1) -> [[UInt8]] {
        var state = seed
        func number() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        return (0..<count).map { _ in
            let text = """
                {"user_id":\(number() % 1_000_000),"template":"order_confirmation","locale":"en_GB",\
                "recipient":"customer\(number() % 100_000)@example.com","order":{"id":"\(number())",\
                "total_cents":\(number() % 100_000),"currency":"EUR","items":\(number() % 9)},\
                "priority":"normal","trace":"\(String(number(), radix: 16))"}
                """
            return Array(text.utf8)
        }
    }

    private func dictionary(from samples: [[UInt8]]) throws -> ZstdDictionary {
        let bytes = try #require(ZstdTrainer.train(samples))
        return try #require(ZstdDictionary(bytes))
    }

    @Test func `similar small payloads are at least three times smaller with a dictionary`() throws
    {
        let dictionary = try dictionary(from: Self.samples(1_000))
        let sums = ZstdTrainer.measure(dictionary, on: Self.samples(200, seed: 7))
        #expect(sums.raw >= 3 * sums.packed, "\(sums)")
        #expect(sums.alone > 2 * sums.packed, "\(sums)")
    }

    @Test func `one that would replace another must be better by a fifth`() throws {
        let mails = Self.samples(1_000)
        let made = try #require(ZstdTrainer.worthwhile(from: mails))
        let sums = ZstdTrainer.measure(made.dictionary, on: Self.samples(200, seed: 7))
        #expect(abs(made.share - Double(sums.packed) / Double(sums.raw)) < 0.05)
        let equal = ZstdTrainer.worthwhile(
            from: Self.samples(1_000, seed: 3), beside: made.dictionary)
        #expect(equal == nil)
        let others = mails.map { Array($0.reversed()) }
        #expect(ZstdTrainer.worthwhile(from: others, beside: made.dictionary) != nil)
    }

    @Test func `what was compressed with a dictionary is inflated with it`() throws {
        let dictionary = try dictionary(from: Self.samples(500))
        for raw in Self.samples(20, seed: 9) {
            let frame = try #require(zstd.compress(bytes: raw, with: dictionary))
            let inflated = try zstd.inflate(
                bytes: frame, rawBytes: raw.count, limit: 1_000, with: dictionary)
            #expect(inflated == raw)
        }
    }

    @Test func `a dictionary has the id that its bytes say`() throws {
        let dictionary = try dictionary(from: Self.samples(500))
        let stated = dictionary.bytes[4..<8].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        #expect(dictionary.id == stated)
        #expect((32_768...2_147_483_647).contains(dictionary.id))
        #expect(dictionary.bytes.count <= ZstdTrainer.dictionaryBytes)
    }

    @Test func `another dictionary, or none, inflates nothing`() throws {
        let dictionary = try dictionary(from: Self.samples(500))
        let other = try self.dictionary(from: Self.samples(400, seed: 3))
        #expect(dictionary.id != other.id)
        let raw = Self.samples(1)[0]
        let frame = try #require(zstd.compress(bytes: raw, with: dictionary))
        #expect(throws: ZstdError.needsDictionary(dictionary.id)) {
            try zstd.inflate(
                bytes: frame, rawBytes: raw.count, limit: 1_000)
        }
        #expect(throws: ZstdError.needsDictionary(dictionary.id)) {
            try zstd.inflate(
                bytes: frame, rawBytes: raw.count, limit: 1_000, with: other)
        }
        let alone = try #require(zstd.compress(bytes: raw))
        #expect(throws: ZstdError.needsDictionary(0)) {
            try zstd.inflate(
                bytes: alone, rawBytes: raw.count, limit: 1_000, with: dictionary)
        }
    }

    @Test func `a frame that declares more than is allowed is refused before it is inflated`()
        throws
    {
        let dictionary = try dictionary(from: Self.samples(500))
        let raw = Self.samples(1)[0]
        let frame = try #require(zstd.compress(bytes: raw, with: dictionary))
        #expect(throws: ZstdError.aboveLimit(declared: raw.count, limit: 100)) {
            try zstd.inflate(
                bytes: frame, rawBytes: raw.count, limit: 100, with: dictionary)
        }
    }

    @Test func `nothing is compressed when it does not pay`() throws {
        let dictionary = try dictionary(from: Self.samples(500))
        let tiny = Self.samples(1)[0].prefix(Zstd.rawBytesMinWithDictionary - 1)
        #expect(zstd.compress(bytes: Array(tiny), with: dictionary) == nil)
        var random = SystemRandomNumberGenerator()
        let noise = (0..<300).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        #expect(zstd.compress(bytes: noise, with: dictionary) == nil)
    }

    @Test func `nothing is learned from too few samples, or from noise`() {
        #expect(ZstdTrainer.train(Self.samples(ZstdTrainer.samplesMin - 1)) == nil)
        #expect(ZstdTrainer.train([]) == nil)
        #expect(ZstdTrainer.train(Array(repeating: [], count: 100)) == nil)
    }

    @Test func `bytes that are no dictionary are none`() {
        #expect(ZstdDictionary([]) == nil)
        #expect(ZstdDictionary(Array("no dictionary at all".utf8)) == nil)
        // A right head, and nothing behind it.
        #expect(ZstdDictionary([0x37, 0xa4, 0x30, 0xec, 0, 0, 1, 0, 1, 2, 3]) == nil)
    }
}
