import MartletClient
import MartletCompression
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

/// What a gateway inflates for clients that can't, with a real broker behind it.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct PlainDeliveryTests {
    private let packer = PayloadPacker(compressesFrom: 1)

    private func text(_ number: Int, _ count: Int = 1) -> ByteBuffer {
        let one = "{\"user\":\(number),\"action\":\"send\",\"locale\":\"en_GB\"}"
        return ByteBuffer(string: String(repeating: one, count: count))
    }

    private func dictionary() throws -> ZstdDictionary {
        let samples = (0..<300).map { Array(text($0).readableBytesView) }
        let bytes = try #require(ZstdTrainer.train(samples))
        return try #require(ZstdDictionary(bytes))
    }

    private func client(_ codecs: Hello.Codecs, at address: SocketAddress) async throws -> RawClient
    {
        let client = try await RawClient.connect(to: address)
        client.send {
            $0.writeBytes(Preface.bytes)
            $0.write(Hello(client: "test", codecs: codecs), requestID: 1)
        }
        _ = try #require(await client.frames.next { $0.opcode == .welcome })
        return client
    }

    /// Submits payloads compressed with a dictionary, alone, and not at all.
    private func submitAll(
        _ client: RawClient, _ dictionary: ZstdDictionary
    ) async throws -> [Payload] {
        client.send {
            $0.write(
                DictionaryPut(type: "send", bytes: ByteBuffer(bytes: dictionary.bytes)),
                requestID: 2)
        }
        #expect(await client.frames.next()?.opcode == .dictionary)
        let payloads = [
            try packer.pack(text(1), limit: 1 << 20, with: PackingDictionary(dictionary, from: 1)),
            try packer.pack(text(2, 100), limit: 1 << 20), .plain(text(3)),
            try packer.pack(text(4, 30_000), limit: 4 << 20),
            try packer.pack(text(5), limit: 1 << 20, with: PackingDictionary(dictionary, from: 1)),
        ]
        try #require(payloads.map(\.codec.rawValue) == [2, 1, 0, 1, 2])
        client.send {
            $0.write(
                Submit(queue: "q", type: "send", items: payloads.map { SubmitItem(payload: $0) }),
                requestID: 3)
        }
        #expect(await client.frames.next()?.opcode == .submitted)
        return payloads
    }

    /// The payloads that a worker gets, in order.
    private func work(_ client: RawClient, _ count: Int) async throws -> [Payload] {
        client.send {
            $0.write(
                Subscribe(
                    subscription: 1, queue: "q", creditJobs: 10, creditBytes: 10 << 20,
                    leaseMilliseconds: 0),
                requestID: 4)
        }
        var payloads: [Payload] = []
        var assembler = MessageAssembler()
        while payloads.count < count {
            let frame = try #require(await client.frames.next { $0.opcode == .jobs })
            guard case .message(let message) = try assembler.accept(frame) else { continue }
            payloads += try Jobs(body: message.body).deliveries.map(\.payload)
        }
        return payloads
    }

    @Test(arguments: [Hello.Codecs(), .zstd, .all])
    func `a worker gets what it can read, in order`(_ codecs: Hello.Codecs) async throws {
        let dictionary = try dictionary()
        try await withBoth { gateway in
            let sent = try await submitAll(
                client(.all, at: gateway.listen), dictionary)
            let got = try await work(client(codecs, at: gateway.listen), sent.count)
            let raw = [text(1), text(2, 100), text(3), text(4, 30_000), text(5)]
            for index in sent.indices {
                let isRead = codecs.reads(sent[index].codec)
                #expect(got[index] == (isRead ? sent[index] : .plain(raw[index])))
            }
        }
    }

    @Test func `who looks at a job gets its payload plain`() async throws {
        let dictionary = try dictionary()
        try await withBoth { gateway in
            let submitter = try await client(.all, at: gateway.listen)
            _ = try await submitAll(submitter, dictionary)
            let looker = try await client([], at: gateway.listen)
            submitter.send { $0.write(List(limit: 5, isFresh: true), requestID: 5) }
            let page = try #require(await submitter.frames.next { $0.opcode == .jobPage })
            let ids = try JobPage(body: page.body).jobs.map(\.id).sorted {
                $0.rawValue < $1.rawValue
            }
            looker.send {
                for id in [ids[0], ids[4]] { $0.write(Get(id: id, parts: .payload), requestID: 6) }
                $0.write(Ping(bytes: [7]), requestID: 7)
            }
            for expected in [text(1), text(5)] {
                let frame = try #require(await looker.frames.next())
                #expect(try JobInfo(body: frame.body).payload == .plain(expected))
            }
            // What came behind it came behind it.
            #expect(await looker.frames.next()?.opcode == .pong)
        }
    }

    @Test func `what can't be inflated passes as it is`() async throws {
        try await withBoth { gateway in
            let submitter = try await client(.all, at: gateway.listen)
            let broken = Payload(
                codec: .zstd, rawBytes: 100, bytes: ByteBuffer(string: "this is no frame"))
            submitter.send {
                $0.write(
                    Submit(queue: "q", type: "send", items: [SubmitItem(payload: broken)]),
                    requestID: 3)
            }
            #expect(await submitter.frames.next()?.opcode == .submitted)
            #expect(try await work(client([], at: gateway.listen), 1) == [broken])
        }
    }
}
