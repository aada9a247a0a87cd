import MartletClient
import MartletCompression
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import MartletWorker

/// Payloads that a worker can read only with a dictionary.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DictionaryTests {
    private let text = ByteBuffer(string: "{\"user\":17,\"action\":\"send\",\"locale\":\"en_GB\"}")

    private func dictionary() throws -> ZstdDictionary {
        let samples = (0..<300).map { number in
            Array("{\"user\":\(number),\"action\":\"send\",\"locale\":\"en_GB\"}".utf8)
        }
        let bytes = try #require(ZstdTrainer.train(samples))
        return try #require(ZstdDictionary(bytes))
    }

    private func packed(with dictionary: ZstdDictionary) throws -> Payload {
        let payload = try PayloadPacker(compressesFrom: nil).pack(
            text, limit: 1_000, with: PackingDictionary(dictionary, from: 1))
        try #require(payload.dictionary == dictionary.id)
        return payload
    }

    private func message(_ dictionary: ZstdDictionary) -> DictionaryMessage {
        let bytes = ByteBuffer(bytes: dictionary.bytes)
        return DictionaryMessage(
            info: DictionaryInfo(
                id: dictionary.id, type: "echo", version: 1, state: .retired, createdAt: 1,
                byteCount: UInt32(bytes.readableBytes), checksum: crc32c(bytes)),
            bytes: bytes)
    }

    @Test func `an unknown dictionary is fetched once, and the handler gets the bytes`()
        async throws
    {
        let dictionary = try dictionary()
        let payload = try packed(with: dictionary)
        try await withWorker(handlers: [.echo]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1], payload: payload)
            let (get, id) = try await peer.find(DictionaryGet.self)
            #expect(get == DictionaryGet(id: dictionary.id))
            peer.send(message(dictionary), id: id)
            #expect(try await peer.settle() == [.test(1, .complete(.plain(text)))])
            peer.deliver([2], payload: payload)
            #expect(try await peer.settle() == [.test(2, .complete(.plain(text)))])
        }
    }

    @Test func `a job whose dictionary is lost fails and says so`() async throws {
        let dictionary = try dictionary()
        let payload = try packed(with: dictionary)
        try await withWorker(handlers: [.echo]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1], payload: payload)
            let (_, id) = try await peer.find(DictionaryGet.self)
            peer.send(ErrorMessage(.dictionaryUnknown(dictionary.id)), id: id)
            let reason = try await peer.settle().first?.failure
            #expect(reason?.contains("\(dictionary.id)") == true)
        }
    }

    @Test func `a job whose dictionary can't be had now is given back unspent`() async throws {
        let dictionary = try dictionary()
        let payload = try packed(with: dictionary)
        try await withWorker(handlers: [.echo]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1], payload: payload)
            let (_, id) = try await peer.find(DictionaryGet.self)
            peer.send(ErrorMessage(WireError(.unavailable, "the gateway has no broker")), id: id)
            #expect(try await peer.settle() == [.test(1, .release)])
        }
    }
}
