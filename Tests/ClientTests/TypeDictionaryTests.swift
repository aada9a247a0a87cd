import MartletCompression
import MartletWire
import NIOCore
import Testing

@testable import MartletClient

/// When a client asks for a dictionary, and when it makes one.
struct TypeDictionaryTests {
    private let now = NIODeadline.uptimeNanoseconds(1_000)

    private func payloads(_ count: Int, bytes: Int = 300) -> [ByteBuffer] {
        (0..<count).map { number in
            let text = "{\"user\":\(number % 17),\"action\":\"send\",\"locale\":\"en_GB\"}"
            let padded = text + String(repeating: "-", count: max(0, bytes - text.utf8.count))
            return ByteBuffer(string: padded)
        }
    }

    private func dictionary(_ seed: Int = 1) throws -> ZstdDictionary {
        let samples = payloads(200).map { Array($0.readableBytesView) + Array("\(seed)".utf8) }
        let bytes = try #require(ZstdTrainer.train(samples))
        return try #require(ZstdDictionary(bytes))
    }

    @Test func `a client that submits little asks nothing`() {
        var type = TypeDictionary(trains: true)
        #expect(type.submitting(payloads(TypeDictionary.looksFrom - 1), now: now) == nil)
        #expect(type.submitting(payloads(1), now: now) == .look)
        #expect(type.submitting(payloads(500), now: now) == nil, "it has asked already")
    }

    @Test func `the server's dictionary is used, and asked for again a minute later`() throws {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads(100), now: now)
        let dictionary = try dictionary()
        type.looked(dictionary, now: now)
        #expect(type.active === dictionary)
        let soon = now + TypeDictionary.looksAgainAfter - .nanoseconds(1)
        #expect(type.submitting(payloads(5_000), now: soon) == nil)
        #expect(type.submitting(payloads(1), now: soon + .nanoseconds(1)) == .look)
    }

    @Test func `without one it is made of the first payloads, once there are enough`() {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads(600), now: now)
        type.looked(nil, now: now)
        #expect(type.submitting(payloads(399), now: now) == nil)
        let all = payloads(600) + payloads(399) + payloads(1)
        let wish = type.submitting(payloads(1), now: now)
        #expect(wish == .train(all.map { Array($0.readableBytesView) }))
        #expect(type.submitting(payloads(3_000), now: now) == nil, "it is being made")
    }

    @Test func `samples are bounded in bytes, and long payloads are none`() throws {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads(100), now: now)
        type.looked(nil, now: now)
        let long = payloads(2_000, bytes: TypeDictionary.sampleBytes.upperBound)
        #expect(type.submitting(long, now: now) == nil)
        let large = payloads(500, bytes: TypeDictionary.sampleBytes.upperBound - 1)
        guard case .train(let samples) = type.submitting(large, now: now) else {
            Issue.record("no samples")
            return
        }
        let bytes = samples.reduce(0) { $0 + $1.count }
        #expect(bytes < TypeDictionary.sampleBytesMax + TypeDictionary.sampleBytes.upperBound)
    }

    @Test func `one that was not worth having is not tried again soon`() {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads(1_000), now: now)
        type.looked(nil, now: now)
        guard case .train = type.submitting(payloads(1), now: now) else {
            Issue.record("no samples")
            return
        }
        type.foundNone()
        #expect(type.submitting(payloads(5_000), now: now) == nil)
    }

    @Test func `of one that another client was faster with, the other's is asked for`() throws {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads(1_000), now: now)
        type.looked(nil, now: now)
        _ = type.submitting(payloads(1), now: now)
        type.isStale()
        #expect(type.submitting(payloads(1), now: now) == .look)
    }

    @Test func `one that the server has forgotten is used no more`() throws {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads(100), now: now)
        type.looked(try dictionary(), now: now)
        type.refused()
        #expect(type.active == nil)
        #expect(type.submitting(payloads(1), now: now) == .look)
    }

    @Test func `a client that may not make one makes none`() {
        var type = TypeDictionary(trains: false)
        _ = type.submitting(payloads(1_000), now: now)
        type.looked(nil, now: now)
        #expect(type.submitting(payloads(5_000), now: now) == nil)
    }

    @Test func `a server without dictionaries is not asked again`() {
        var type = TypeDictionary(trains: true)
        _ = type.submitting(payloads(1_000), now: now)
        type.turnOff()
        #expect(type.submitting(payloads(5_000), now: .distantFuture) == nil)
    }
}
