import MartletCompression
import MartletWire
import NIOCore
import Testing

@testable import MartletClient

/// When a client makes another dictionary in the place of one that no longer does what it did.
struct DictionaryDriftTests {
    private let now = NIODeadline.uptimeNanoseconds(1_000)
    private let first: ZstdDictionary
    /// As many as a dictionary is made of, and as many as are looked at together.
    private let payloads: [ByteBuffer]

    init() throws {
        payloads = (0..<DictionaryYield.windowPayloads).map { number in
            ByteBuffer(string: "{\"user\":\(number),\"action\":\"send\",\"locale\":\"en_GB\"}")
        }
        first = try #require(ZstdTrainer.worthwhile(from: payloads.map(Self.bytes))?.dictionary)
    }

    private static func bytes(_ payload: ByteBuffer) -> [UInt8] { Array(payload.readableBytesView) }

    /// A copy, as if it were another one.
    private func other() throws -> ZstdDictionary { try #require(ZstdDictionary(first.bytes)) }

    /// - Parameter share: what a raw byte has come to.
    private func packed(_ count: Int, _ share: Double, rawBytes: Int = 1_000) -> PackedBytes {
        var packed = PackedBytes(with: PackingDictionary(first, from: 64))
        let bytes = ByteBuffer(repeating: 0, count: Int(Double(rawBytes) * share))
        for _ in 0..<count {
            packed.count(
                Payload(codec: .zstdDictionary, rawBytes: UInt32(rawBytes), bytes: bytes))
        }
        return packed
    }

    /// One whose first dictionary was just made of payloads of which a raw byte came to 0.2.
    private func trained() -> TypeDictionary {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads, now: now)
        type.looked(nil, now: now)
        _ = type.submitting(payloads, now: now)
        type.looked(first, share: 0.2, now: now)
        _ = type.submitting(payloads + payloads + payloads, now: now)
        return type
    }

    private func train(_ type: inout TypeDictionary) -> Bool {
        if case .train = type.submitting(payloads, now: now) { true } else { false }
    }

    @Test func `payloads that become little larger do not make another`() {
        var type = trained()
        for _ in 0..<50 {
            type.packed(packed(1_000, 0.249), with: first.id)
            #expect(!train(&type))
        }
    }

    @Test func `when they become larger by a quarter another is made of those that come then`() {
        var type = trained()
        type.packed(packed(999, 0.26), with: first.id)
        #expect(!train(&type), "too few have come")
        type.packed(packed(1, 0.26), with: first.id)
        let late = payloads.map { payload in
            var payload = payload
            payload.writeString("late")
            return payload
        }
        let isMadeOfThose = type.submitting(late, now: now) == .train(late.map(Self.bytes))
        #expect(isMadeOfThose)
    }

    @Test func `what is too short or too long for a dictionary is not looked at`() {
        var type = trained()
        type.packed(packed(5_000, 1, rawBytes: 63), with: first.id)
        type.packed(packed(5_000, 1, rawBytes: 16 << 10), with: first.id)
        #expect(!train(&type))
    }

    @Test func `payloads that were packed with an earlier dictionary are not looked at`() {
        var type = trained()
        type.packed(packed(1_000, 0.9), with: first.id + 1)
        #expect(!train(&type))
    }

    @Test func `when they come to what they did before no other is made after all`() {
        var type = trained()
        type.packed(packed(1_000, 0.9), with: first.id)
        _ = type.submitting(Array(payloads.prefix(500)), now: now)
        type.packed(packed(1_000, 0.2), with: first.id)
        #expect(!train(&type))
        type.packed(packed(1_000, 0.9), with: first.id)
        let wish = type.submitting(Array(payloads.prefix(500)), now: now)
        #expect(wish == nil, "earlier samples are forgotten")
    }

    @Test func `beside one that was made elsewhere another is tried once`() {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads, now: now)
        type.looked(first, now: now)
        #expect(!train(&type))
        type.packed(packed(1_000, 0.3), with: first.id)
        #expect(train(&type), "nobody knows what it came to")
        type.foundNone()
        _ = type.submitting(
            Array(repeating: payloads[0], count: TypeDictionary.pauseAfterFailure), now: now)
        type.packed(packed(1_000, 0.3), with: first.id)
        #expect(!train(&type))
        type.packed(packed(1_000, 0.4), with: first.id)
        #expect(train(&type))
    }

    @Test func `the server's answer that it is still active changes nothing`() {
        var type = trained()
        type.packed(packed(1_000, 0.9), with: first.id)
        type.looked(first, now: now)
        #expect(train(&type))
    }

    @Test func `however often payloads drift, few dictionaries are made of a million`() throws {
        var type = trained()
        let drifted = packed(1_000, 0.9)
        var made = 0
        for _ in 0..<1_000 {
            type.packed(drifted, with: first.id)
            guard train(&type) else { continue }
            made += 1
            type.looked(try other(), share: 0.2, now: now)
        }
        #expect((2...10).contains(made), "\(made)")
    }

    @Test func `a client that may not make one makes none`() {
        var type = TypeDictionary(trains: false)
        _ = type.submitting(payloads, now: now)
        type.looked(first, now: now)
        type.packed(packed(1_000, 0.9), with: first.id)
        #expect(!train(&type))
    }
}
