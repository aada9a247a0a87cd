import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BulkActionTests {
    private func end(_ action: ActionInfo, _ client: WireConnection) async throws -> ActionInfo {
        try await client.request(
            ActionGet(action: action.id, waitMilliseconds: 30_000), expecting: ActionInfo.self)
    }

    @Test func `all that match are changed, and whoever waits is told how many`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            let payloads = (0..<1_000).map { "\($0)" }
            _ = try await client.submitAll(Submit("q", payloads, type: "a"))
            _ = try await client.submitAll(Submit("q", payloads, type: "b"))
            let begun = try await client.request(
                ActAll(.cancel, queue: "q", filter: JobFilter(type: "a")),
                expecting: ActionInfo.self)
            let done = try await end(begun, client)
            #expect(done.state == .done)
            #expect(done.changed == 1_000)
            #expect(done.finishedAt > 0)
            let queue = try await client.queueInfo("q")
            #expect(queue.cancelled == 1_000)
            #expect(queue.ready == 1_000)
        }
    }

    @Test func `an action with a rate goes on after a restart, and can be stopped`() async throws {
        let directory = TemporaryDirectory.make()
        defer { TemporaryDirectory.remove(directory) }
        var begun: ActionInfo?
        try await BrokerHarness.run(in: directory) { broker in
            let client = try await broker.connect()
            _ = try await client.submitAll(Submit("q", (0..<100).map { "\($0)" }))
            begun = try await client.request(
                ActAll(.cancel, options: ActOptions(rate: 1)), expecting: ActionInfo.self)
        }
        try await BrokerHarness.run(in: directory) { broker in
            let client = try await broker.connect()
            let id = try #require(begun).id
            let going = try await client.request(
                ActionGet(action: id, waitMilliseconds: 1), expecting: ActionInfo.self)
            #expect(going.state == .running)
            let stopped = try await client.request(
                ActionGet(action: id, stops: true), expecting: ActionInfo.self)
            #expect(stopped.state == .stopped)
            #expect(stopped.changed < 100)
        }
    }

    @Test func `unknown actions and queues, and one action too many, are refused`() async throws {
        try await BrokerHarness.run { broker in
            let client = try await broker.connect()
            #expect(
                await client.refusal(ActionGet(action: 5), expecting: ActionInfo.self)
                    == .actionNotFound)
            #expect(
                await client.refusal(ActAll(.cancel, queue: "none"), expecting: ActionInfo.self)
                    == .queueNotFound)
            _ = try await client.submitAll(Submit("q", (0..<100).map { "\($0)" }))
            let slow = ActAll(
                .reprioritise, options: ActOptions(priority: 1, rate: 1))
            for _ in 0..<Limits.actionsMax {
                _ = try await client.request(slow, expecting: ActionInfo.self)
            }
            #expect(await client.refusal(slow, expecting: ActionInfo.self) == .tooManyActions)
        }
    }
}
