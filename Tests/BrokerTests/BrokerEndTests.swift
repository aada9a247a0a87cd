import Broker
import Foundation
import Logging
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Ends that nobody asked for politely.
@Suite(.timeLimit(.minutes(1)))
struct BrokerEndTests {
    private let directory = TemporaryDirectory.make()

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

    @Test
    func `a log that can't be written ends the broker: nobody is answered, nothing is lost`()
        async throws
    {
        defer { TemporaryDirectory.remove(directory) }
        let broker = broker()
        let running = Task { try await broker.run() }
        let client = try await connect(broker)
        let ids = try await client.submitAll(Submit("q", ["one", "two"]))
        #expect(try BrokenDisk.fail(below: directory + "/log") == 1)
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
        Broker(BrokerConfiguration(directory: directory, port: 0), logger: .critical)
    }

    private func connect(_ broker: Broker) async throws -> WireConnection {
        let port = try await broker.address().port ?? 0
        return try await BrokerHarness.connect(to: .martlet(host: "127.0.0.1", port: port))
    }
}
