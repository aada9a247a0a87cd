import MartletCompression
import MartletWire
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import MartletClient

/// Dictionaries between a client and a server that does what the test says.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DictionaryClientTests {
    private func payloads(_ count: Int) -> [ByteBuffer] {
        (0..<count).map { number in
            ByteBuffer(
                string: """
                    {"user_id":\(number &* 7_919 % 100_000),"template":"confirmation",\
                    "locale":"en_GB","recipient":"customer\(number)@example.com"}
                    """)
        }
    }

    private func dictionary() throws -> ZstdDictionary {
        let samples = payloads(500).map { Array($0.readableBytesView) }
        let bytes = try #require(ZstdTrainer.train(samples))
        return try #require(ZstdDictionary(bytes))
    }

    private func message(_ dictionary: ZstdDictionary) -> DictionaryMessage {
        let bytes = ByteBuffer(bytes: dictionary.bytes)
        return DictionaryMessage(
            info: DictionaryInfo(
                id: dictionary.id, type: "t", version: 1, state: .active, createdAt: 1,
                byteCount: UInt32(bytes.readableBytes), checksum: crc32c(bytes)),
            bytes: bytes)
    }

    /// Pushes payloads, and hands over what came to the server.
    private func push(
        _ count: Int, _ client: MartletClient, _ peer: ServerConnection,
        options: JobOptions = JobOptions()
    ) async throws -> Submit {
        try await push(payloads(count), client, peer, options: options)
    }

    private func push(
        _ payloads: [ByteBuffer], _ client: MartletClient, _ peer: ServerConnection,
        options: JobOptions = JobOptions()
    ) async throws -> Submit {
        async let pushed = client.push(
            payloads: payloads, type: "t", queue: "q", options: options)
        let (submit, id) = try await peer.find(Submit.self)
        peer.accept(submit, id: id, firstJob: 1)
        _ = try await pushed
        return submit
    }

    /// Pushes until the client has asked, and answers.
    private func answerLook(
        _ client: MartletClient, _ peer: ServerConnection, with answer: some Message
    ) async throws {
        _ = try await push(TypeDictionary.looksFrom, client, peer)
        let (get, id) = try await peer.find(DictionaryGet.self)
        #expect(get == DictionaryGet(type: "t"))
        peer.send(answer, id: id)
        while client.dictionaries.types.withLock({ $0["t"]?.hasLooked != true }) {
            await Task.yield()
        }
    }

    /// Pushes one payload again and again until it is packed in another way than zstd alone.
    private func firstWithDictionary(
        _ client: MartletClient, _ peer: ServerConnection
    ) async throws -> Payload {
        while true {
            let payload = try await push(1, client, peer).items[0].payload
            if payload.codec == .zstdDictionary { return payload }
        }
    }

    @Test func `the dictionary of the server is fetched and used`() async throws {
        let dictionary = try dictionary()
        try await withClient { client, server in
            let peer = try await server.acceptAndWelcome()
            try await answerLook(client, peer, with: message(dictionary))
            let payload = try await firstWithDictionary(client, peer)
            #expect(payload.dictionary == dictionary.id)
            #expect(payload.bytes.readableBytes * 2 < payload.rawBytes)
            #expect(try await client.unpack(payload) == payloads(1)[0])
        }
    }

    @Test func `where the server has none, one is made and registered`() async throws {
        try await withClient { client, server in
            let peer = try await server.acceptAndWelcome()
            try await answerLook(
                client, peer, with: ErrorMessage(WireError(.dictionaryUnknown, "none")))
            _ = try await push(TypeDictionary.samplesMax, client, peer)
            let (put, id) = try await peer.find(DictionaryPut.self)
            #expect(put.type == "t" && put.replaces == 0 && put.refusal == nil)
            let made = try #require(ZstdDictionary(Array(put.bytes.readableBytesView)))
            var answer = message(made)
            answer.bytes = ByteBuffer()
            peer.send(answer, id: id)
            #expect(try await firstWithDictionary(client, peer).dictionary == made.id)
        }
    }

    @Test func `payloads that have drifted get another one in the place of the server's`()
        async throws
    {
        let old = try dictionary()
        try await withClient { client, server in
            let peer = try await server.acceptAndWelcome()
            try await answerLook(client, peer, with: message(old))
            let drifted = (0..<1_000).map { number in
                let text = "<invoice n='\(number)'><net>\(number &* 31)</net><vat rate='19'/>"
                return ByteBuffer(string: text + "<to>Example Ltd, 1 Example Road</to></invoice>")
            }
            // One window of what it comes to, and the samples.
            for _ in 0..<3 { _ = try await push(drifted, client, peer) }
            let (put, id) = try await peer.find(DictionaryPut.self)
            #expect(put.replaces == old.id)
            let made = try #require(ZstdDictionary(Array(put.bytes.readableBytesView)))
            var answer = message(made)
            answer.bytes = ByteBuffer()
            peer.send(answer, id: id)
            while true {
                let payload = try await push([drifted[0]], client, peer).items[0].payload
                guard payload.dictionary == made.id else { continue }
                #expect(payload.bytes.readableBytes * 2 < payload.rawBytes)
                break
            }
        }
    }

    @Test func `what asks for the same payload is packed without a dictionary`() async throws {
        let dictionary = try dictionary()
        try await withClient { client, server in
            let peer = try await server.acceptAndWelcome()
            try await answerLook(client, peer, with: message(dictionary))
            _ = try await firstWithDictionary(client, peer)
            let options = JobOptions(unique: .init("key", samePayload: true))
            let submit = try await push(1, client, peer, options: options)
            #expect(submit.items[0].payload.codec != .zstdDictionary)
        }
    }

    @Test func `jobs whose dictionary is gone are submitted once more without it`() async throws {
        let dictionary = try dictionary()
        try await withClient { client, server in
            let peer = try await server.acceptAndWelcome()
            try await answerLook(client, peer, with: message(dictionary))
            _ = try await firstWithDictionary(client, peer)
            async let handles = client.push(payloads: payloads(3), type: "t", queue: "q")
            let (first, firstID) = try await peer.find(Submit.self)
            #expect(first.items.allSatisfy { $0.payload.codec == .zstdDictionary })
            peer.send(
                Submitted(
                    durability: .disk,
                    runs: [.refused(.dictionaryUnknown(dictionary.id), count: 3)]), id: firstID)
            let (again, id) = try await peer.find(Submit.self)
            #expect(again.items.count == 3)
            #expect(again.items.allSatisfy { $0.payload.dictionary == 0 })
            #expect(again.sequence > first.sequence)
            peer.accept(again, id: id, firstJob: 40)
            let accepted = try await handles
            #expect(accepted.count == 3)
        }
    }

    @Test func `payloads are packed alone when dictionaries are switched off`() async throws {
        try await withClient { configuration in
            var compression = MartletClient.Compression()
            compression.dictionaries = .none
            configuration.compressionByType["t"] = compression
        } _: { client, server in
            let peer = try await server.acceptAndWelcome()
            _ = try await push(2 * TypeDictionary.looksFrom, client, peer)
            async let queues = client.queues()
            // Nothing was asked before this.
            let (_, id) = try await peer.receive(Queues.self)
            peer.send(QueuePage(queues: []), id: id)
            let none = try await queues
            #expect(none.isEmpty)
        }
    }

    @Test func `bytes that are not the dictionary that was asked for are refused`() async throws {
        let dictionary = try dictionary()
        let payload = try PayloadPacker(compressesFrom: nil).pack(
            payloads(1)[0], limit: 1_000, with: PackingDictionary(dictionary, from: 1))
        let cache = DictionaryCache()
        var damaged = message(dictionary)
        damaged.bytes.setInteger(0 as UInt8, at: damaged.bytes.writerIndex - 1)
        damaged.bytes.setInteger(1 as UInt8, at: damaged.bytes.writerIndex - 2)
        let wrong = damaged
        let error = await #expect(throws: MartletError.self) {
            _ = try await cache.dictionary(of: payload) { (_) throws(MartletError) in wrong }
        }
        #expect(error?.code == .payloadDamaged)
        let right = message(dictionary)
        let fetched = try await cache.dictionary(of: payload) { (get) throws(MartletError) in
            #expect(get.id == dictionary.id)
            return right
        }
        #expect(fetched?.id == dictionary.id)
        // It is kept: nobody is asked again.
        let kept = try await cache.dictionary(of: payload) { (_) throws(MartletError) in
            throw MartletError(.connectionLost, "asked again")
        }
        #expect(kept === fetched)
    }
}
