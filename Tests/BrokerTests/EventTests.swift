import Broker
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct EventTests {
    @Test func `whoever watches is told what happens, in order`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let watcher = try await broker.connect(inbox: inbox)
            try await watcher.done(Watch(watch: 3))
            let jobs = PushInbox()
            let worker = try await broker.connect(inbox: jobs)
            try await worker.subscribe("q", credit: 1)
            let id = try await worker.submitAll(Submit("q", ["x"], type: "mail"))[0]
            let token = await jobs.jobs(1)[0].token
            let failure = JobFailure("no luck", discards: true)
            _ = try await worker.settle([Settlement(id: id, token: token, .fail(failure))])
            _ = try await worker.act(.delete, [id])
            let events = await inbox.events(5)
            #expect(events.map(\.kind) == [.submitted, .delivered, .failed, .dead, .deleted])
            #expect(events.map(\.id) == Array(repeating: id, count: 5))
            #expect(Set(events.map(\.queue)) == ["q"])
            #expect(Set(events.map(\.type)) == ["mail"])
            #expect(events[2].error == "no luck")
            #expect(events[1].session == (await worker.welcome).session)
            #expect(events[4].state == nil)
            #expect(events.map(\.offset) == events.map(\.offset).sorted())
        }
    }

    @Test func `a filter keeps out what is not wanted`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let watcher = try await broker.connect(inbox: inbox)
            let client = try await broker.connect()
            let tags = try JobTags(["blue"])
            try await watcher.done(
                Watch(
                    watch: 1, queue: "q", states: JobStates(.cancelled), type: "mail", tag: "blue"))
            func submit(_ queue: String, _ type: String, _ tags: JobTags?) async throws -> JobID {
                try await client.submitAll(
                    Submit(queue, ["x"], type: type, options: .with { $0.tags = tags }))[0]
            }
            let ids = [
                try await submit("r", "mail", tags), try await submit("q", "sms", tags),
                try await submit("q", "mail", nil), try await submit("q", "mail", tags),
            ]
            _ = try await client.act(.cancel, ids)
            let events = await inbox.events(1)
            #expect(events.map(\.id) == [ids[3]])
            #expect(events.map(\.kind) == [.cancelled])
        }
    }

    @Test func `a watcher that comes back goes on where it was`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let first = PushInbox()
            let one = try await broker.connect(inbox: first)
            try await one.done(Watch(watch: 1))
            let before = try await client.submitAll(Submit("q", ["a"]))
            let seen = try #require(await first.nextEvents())
            #expect(seen.events.map(\.id) == before)
            await one.close()
            let missed = try await client.submitAll(Submit("q", ["b", "c"]))
            let second = PushInbox()
            let two = try await broker.connect(inbox: second)
            try await two.done(Watch(watch: 1, after: seen.next))
            #expect(await second.events(2).map(\.id) == missed)
        }
    }

    @Test func `a watcher that is cut off before the first event goes on where it began`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            _ = try await client.submitAll(Submit("q", ["before"]))
            let first = PushInbox()
            let one = try await broker.connect(inbox: first)
            try await one.done(Watch(watch: 1))
            let place = try #require(await first.nextPlace())
            await one.close()
            let missed = try await client.submitAll(Submit("q", ["a", "b"]))
            let second = PushInbox()
            let two = try await broker.connect(inbox: second)
            try await two.done(Watch(watch: 1, after: place))
            #expect(await second.nextPlace() == place)
            #expect(await second.events(2).map(\.id) == missed)
        }
    }

    @Test func `one who comes too late is told how much is gone`() async throws {
        try await BrokerHarness.run({ $0.eventsKept = 100 }) { broker in
            let client = try await broker.connect()
            let first = PushInbox()
            let one = try await broker.connect(inbox: first)
            try await one.done(Watch(watch: 1, queue: "none"))
            let begun = PushInbox()
            let two = try await broker.connect(inbox: begun)
            try await two.done(Watch(watch: 1))
            _ = try await client.submitAll(Submit("q", ["first"]))
            let seen = try #require(await begun.nextEvents())
            let batch = (0..<1_000).map { "\($0)" }
            _ = try await client.submitAll(Submit("q", batch))
            let third = PushInbox()
            let late = try await broker.connect(inbox: third)
            try await late.done(Watch(watch: 1, after: seen.next))
            let events = try #require(await third.nextEvents())
            #expect(events.missed == 900)
        }
    }

    @Test func `a reader that does not read holds nobody up, and is told what it missed`()
        async throws
    {
        try await BrokerHarness.run({ $0.eventsKept = 1_000 }) { broker in
            let slow = try await SilentWatcher.connect(to: broker)
            let client = try await broker.connect()
            let batch = (0..<1_000).map { "\($0)" }
            let name = String(repeating: "q", count: 128)
            // Far more than sockets hold, and than the server keeps.
            for _ in 0..<40 { _ = try await client.submitAll(Submit(name, batch, type: name)) }
            #expect(try await client.queueInfo(name).ready == 40_000)
            let (told, missed) = try await slow.readAll(until: 40_000)
            #expect(told + missed == 40_000)
            #expect(missed > 0)
        }
    }

    @Test func `a gateway's client that has much to read keeps its others waiting for nothing`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let loud = String(repeating: "q", count: 128)
            let gateway = try await SilentWatcher.connect(
                to: broker, clientsWatching: [loud, "quiet"])
            let client = try await broker.connect()
            let batch = (0..<1_000).map { "\($0)" }
            // More than sockets hold.
            for _ in 0..<30 { _ = try await client.submitAll(Submit(loud, batch, type: loud)) }
            let id = try await client.submitAll(Submit("quiet", ["x"]))[0]
            _ = try await client.submitAll(Submit(loud, batch, type: loud))
            var toldToLoud = 0
            try await gateway.read { push in
                let events = push.events.events
                // The first push tells where a watch begins.
                if events.isEmpty { return true }
                if push.channel == 2 { #expect(events.map(\.id) == [id]) }
                if push.channel == 1 { toldToLoud += events.count }
                return push.channel == 1
            }
            #expect(toldToLoud < 31_000)
        }
    }

    @Test func `watches are counted, replaced and ended`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let client = try await broker.connect(inbox: inbox)
            for number in 0..<UInt32(Limits.watchesMax) {
                try await client.done(Watch(watch: number, queue: "none"))
            }
            #expect(await client.refusal(Watch(watch: 1_000)) == .tooManyWatches)
            #expect(await client.refusal(Unwatch(watch: 1_000)) == .watchUnknown)
            try await client.done(Unwatch(watch: 7))
            try await client.done(Watch(watch: 0, queue: "q"))
            let id = try await client.submitAll(Submit("q", ["x"]))
            let events = try #require(await inbox.nextEvents())
            #expect(events.watch == 0)
            #expect(events.events.map(\.id) == id)
        }
    }
}
