import Broker
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Dictionaries as a client sees them on the wire. The broker knows nothing of zstd: here they hold anything.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct DictionaryTests {
    @Test func `a dictionary is registered, fetched, listed and retired`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let bytes = dictionary(70_000)
            let put = try await client.put("send", bytes)
            #expect(put.info.id == 70_000 && put.info.version == 1 && put.info.state == .active)
            #expect(put.bytes.readableBytes == 0)
            for message in [DictionaryGet(type: "send"), DictionaryGet(id: 70_000)] {
                let got = try await client.request(message, expecting: DictionaryMessage.self)
                #expect(got.info == put.info)
                #expect(got.bytes == bytes)
            }
            let known = try await client.request(
                DictionaryGet(type: "send", known: 70_000), expecting: DictionaryMessage.self)
            #expect(known.info == put.info && known.bytes.readableBytes == 0)
            #expect(try await client.list() == [70_000])
            _ = try await client.request(DictionaryRetire(id: 70_000), expecting: Done.self)
            #expect(try await client.list() == [])
            await #expect(throws: MartletError.self) {
                _ = try await client.request(
                    DictionaryGet(type: "send"), expecting: DictionaryMessage.self)
            }
        }
    }

    @Test func `the longest dictionary travels and is kept, a longer one is refused`() async throws
    {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let longest = dictionary(70_000, byteCount: Limits.dictionaryBytesMax)
            _ = try await client.put("send", longest)
            let got = try await client.request(
                DictionaryGet(id: 70_000), expecting: DictionaryMessage.self)
            #expect(got.bytes == longest)
            let longer = dictionary(70_001, byteCount: Limits.dictionaryBytesMax + 1)
            let error = await #expect(throws: MartletError.self) {
                _ = try await client.put("send", longer, replacing: 70_000)
            }
            #expect(error?.code == .dictionaryInvalid)
            #expect(error?.limit == UInt64(Limits.dictionaryBytesMax))
        }
    }

    @Test func `who is second learns which one is active`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            _ = try await client.put("send", dictionary(70_000))
            let error = await #expect(throws: MartletError.self) {
                _ = try await client.put("send", dictionary(70_001))
            }
            #expect(error?.code == .dictionaryExists)
            #expect(error?.actual == 70_000)
        }
    }

    @Test func `jobs that need a dictionary keep it, and are refused without it`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            let submit = Submit(
                queue: "q", type: "send", items: [SubmitItem(payload: needing(70_000))])
            let refused = try await client.request(submit, expecting: Submitted.self)
            #expect(refused.runs == [.refused(.dictionaryUnknown(70_000), count: 1)])
            _ = try await client.put("send", dictionary(70_000))
            let ids = try await client.submitAll(submit)
            _ = try await client.request(DictionaryRetire(id: 70_000), expecting: Done.self)
            #expect(try await client.list() == [70_000])
            try await client.subscribe("q", credit: 1)
            let job = await inbox.jobs(1)[0]
            #expect(job.delivery.payload == needing(70_000))
            let lost = try await client.settle([
                Settlement(id: ids[0], token: job.token, .complete(needing(70_001)))
            ])
            #expect(lost.map { $0?.code } == [.dictionaryUnknown])
            let done = try await client.settle([
                Settlement(id: ids[0], token: job.token, .complete(nil))
            ])
            #expect(done == [nil])
            #expect(try await client.list() == [])
        }
    }

    @Test func `an atomic batch with one unknown dictionary is refused as a whole`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            var submit = Submit("q", ["plain"])
            submit.isAtomic = true
            submit.items.append(SubmitItem(payload: needing(70_000)))
            let answer = try await client.request(submit, expecting: Submitted.self)
            #expect(
                answer.runs == [
                    .refused(.batchRefused(), count: 1),
                    .refused(.dictionaryUnknown(70_000), count: 1),
                ])
        }
    }

    @Test func `an edit names its dictionary, and is refused without it`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let id = try await client.submitAll(Submit("q", ["plain"]))[0]
            var edit = Edit(id: id, options: SubmitOptions())
            edit.payload = needing(70_000)
            let error = await #expect(throws: MartletError.self) {
                _ = try await client.request(edit, expecting: Done.self)
            }
            #expect(error?.code == .dictionaryUnknown)
            _ = try await client.put("send", dictionary(70_000))
            _ = try await client.request(edit, expecting: Done.self)
            let page = try await client.request(Dictionaries(), expecting: DictionaryPage.self)
            #expect(page.dictionaries.map(\.references) == [1])
        }
    }

    @Test func `a long submission is refused when its dictionary went while it was stored`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let long = ByteBuffer(repeating: 7, count: 1 << 20)
            let submit = Submit(
                queue: "q", type: "send",
                items: [
                    SubmitItem(payload: .plain(long)), SubmitItem(payload: needing(70_000)),
                ])
            let answer = try await client.request(submit, expecting: Submitted.self)
            #expect(answer.codes == [nil, .dictionaryUnknown])
        }
    }

    @Test func `pages follow each other`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            for number in 0..<5 as Range<UInt32> {
                _ = try await client.put("type-\(number)", dictionary(70_000 + number))
            }
            var message = Dictionaries(limit: 2)
            var ids: [[UInt32]] = []
            repeat {
                let page = try await client.request(message, expecting: DictionaryPage.self)
                ids.append(page.dictionaries.map(\.id))
                message.after = page.after
            } while message.after != 0
            #expect(ids == [[70_000, 70_001], [70_002, 70_003], [70_004]])
            let one = try await client.request(
                Dictionaries(type: "type-3"), expecting: DictionaryPage.self)
            #expect(one.dictionaries.map(\.id) == [70_003])
        }
    }

    @Test func `a queue counts payload bytes before compression and as carried`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            _ = try await client.put("send", dictionary(70_000))
            let packed = needing(70_000)
            _ = try await client.submitAll(
                Submit(
                    queue: "q", type: "send",
                    items: [
                        SubmitItem(payload: packed),
                        SubmitItem(payload: .plain(ByteBuffer(string: "plain"))),
                    ]))
            let page = try await client.request(Queues(queue: "q"), expecting: QueuePage.self)
            let carried = UInt64(packed.bytes.readableBytes) + 5
            #expect(
                page.queues.map(\.payloads) == [.init(raw: 305, carried: carried)])
        }
    }
}

/// Bytes that a broker takes for a dictionary.
private func dictionary(_ id: UInt32, byteCount: Int = 3_000) -> ByteBuffer {
    var bytes = ByteBuffer()
    bytes.writeInteger(0xec30_a437 as UInt32, endianness: .little)
    bytes.writeInteger(id, endianness: .little)
    bytes.writeRepeatingByte(9, count: byteCount - 8)
    return bytes
}

/// Bytes that a broker takes for a payload of 300 bytes that needs a dictionary.
private func needing(_ id: UInt32) -> Payload {
    var frame = ByteBuffer()
    frame.writeInteger(0xfd2f_b528 as UInt32, endianness: .little)
    frame.writeInteger(0x23 as UInt8)
    frame.writeInteger(id, endianness: .little)
    frame.writeString("not looked into")
    return Payload(codec: .zstdDictionary, rawBytes: 300, bytes: frame)
}

extension WireConnection {
    fileprivate func put(
        _ type: String, _ bytes: ByteBuffer, replacing: UInt32 = 0
    ) async throws -> DictionaryMessage {
        try await request(
            DictionaryPut(type: type, replaces: replacing, bytes: bytes),
            expecting: DictionaryMessage.self)
    }

    fileprivate func list() async throws -> [UInt32] {
        try await request(Dictionaries(), expecting: DictionaryPage.self).dictionaries.map(\.id)
    }
}
