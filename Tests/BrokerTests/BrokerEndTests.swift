import Broker
import Foundation
import Logging
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Ends that nobody asked for politely.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BrokerEndTests {
    private let directory = TemporaryDirectory.make(onDisk: true)

    @Test func `a broker whose task is cancelled stops, and the next goes on`() async throws {
        defer { TemporaryDirectory.remove(directory) }
        let broker = broker()
        let running = Task { try await broker.run() }
        let client = try await connect(broker)
        let id = try await client.submitAll(Submit("q", ["kept"]))[0]
        running.cancel()
        try await running.value
        #expect(await client.waitUntilClosed().code == .connectionLost)
        try await BrokerHarness.run(in: directory) { next in
            let job = try await next.connect().request(Get(id: id), expecting: JobInfo.self)
            #expect(job.state == .ready)
        }
    }

    @Test func `a broker that is cancelled before it serves ends too`() async throws {
        defer { TemporaryDirectory.remove(directory) }
        let broker = broker()
        let running = Task { try await broker.run() }
        running.cancel()
        try await running.value
        try await BrokerHarness.run(in: directory) { next in _ = try await next.connect() }
    }

    @Test(arguments: [false, true])
    func `a broker that ends while pages are read lets them end first`(diskBreaks: Bool)
        async throws
    {
        defer { TemporaryDirectory.remove(directory) }
        let broker = broker()
        let running = Task { try await broker.run() }
        let client = try await connect(broker)
        for _ in 0..<10 {
            _ = try await client.submitAll(Submit("q", (0..<1_000).map { "\($0)" }))
        }
        // From now on all of them are in the snapshots.
        _ = try await client.request(List(limit: 1, isFresh: true), expecting: JobPage.self)
        let reading = (0..<200).map { _ in
            Task {
                try await client.request(List(limit: 1, isCount: true), expecting: JobPage.self)
            }
        }
        #expect(try await reading[0].value.matched == 10_000)
        if diskBreaks {
            _ = try BrokenDisk.fail(below: directory + "/log")
            await #expect(throws: MartletError.self) {
                try await client.submitAll(Submit("q", ["lost"]))
            }
            await #expect(throws: BrokerFailure.self) { try await running.value }
        } else {
            running.cancel()
            try await running.value
        }
        for task in reading {
            guard case .success(let page) = await task.result else { continue }
            #expect(page.matched == 10_000)
        }
        try await BrokerHarness.run(in: directory) { next in
            let client = try await next.connect()
            #expect(try await client.queueInfo("q").ready == 10_000)
        }
    }

    @Test
    func `a log that can't be written ends the broker: nobody is answered, nothing is lost`()
        async throws
    {
        defer { TemporaryDirectory.remove(directory) }
        let broker = broker()
        let running = Task { try await broker.run() }
        let client = try await connect(broker)
        let ids = try await client.submitAll(Submit("q", ["one", "two"]))
        #expect(try BrokenDisk.fail(below: directory + "/log") > 0)
        let unanswered = await #expect(throws: MartletError.self) {
            try await client.submitAll(Submit("q", ["three"]))
        }
        #expect(unanswered?.code == .connectionLost)
        let failure = await #expect(throws: BrokerFailure.self) { try await running.value }
        guard case .unknownOutcome(let message) = failure else {
            Issue.record("ended with \(String(describing: failure))")
            return
        }
        #expect(message.contains("appending to the log: Input/output error"))
        try await BrokerHarness.run(in: directory) { next in
            let client = try await next.connect()
            let queue = try await client.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(queue.queues.map(\.ready) == [UInt64(ids.count)])
        }
    }

    // MARK: Helpers

    private func broker() -> Broker {
        Broker(.small(directory), logger: .critical)
    }

    private func connect(_ broker: Broker) async throws -> WireConnection {
        let port = try await broker.address().port ?? 0
        return try await BrokerHarness.connect(to: .martlet(host: "127.0.0.1", port: port))
    }
}
