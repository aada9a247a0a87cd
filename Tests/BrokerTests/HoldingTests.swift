import Broker
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

/// Workers whose connection broke while jobs were on their way.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct HoldingTests {
    @Test func `a job that never reached its worker goes to the next at once, unspent`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 3, lease: 600_000)
            let ids = try await worker.submitAll(Submit("q", ["a", "b", "c"]))
            let jobs = await inbox.jobs(3)
            let resumed = try await resume(worker, broker)
            let held = Holding.Run(token: jobs[1].token, first: ids[1], jobs: 1)
            #expect(try await resumed.hold([held]) == [nil])
            let next = PushInbox()
            let other = try await broker.connect(inbox: next)
            try await other.subscribe("q", credit: 10)
            let again = await next.jobs(2)
            #expect(again.map(\.delivery.fields.id) == [ids[0], ids[2]])
            #expect(again.map(\.delivery.fields.crashes) == [0, 0])
            #expect(again.map(\.delivery.fields.interruptions) == [1, 1])
            let outcome = try await resumed.settle([
                Settlement(id: ids[1], token: jobs[1].token, .complete(nil))
            ])
            #expect(outcome == [nil])
        }
    }

    @Test func `what comes on the new connection is not touched, and takes all of its credit`()
        async throws
    {
        try await BrokerHarness.run { broker in
            let worker = try await broker.connect()
            try await worker.subscribe("q", credit: 1, lease: 600_000)
            let lost = try await worker.submitAll(Submit("q", ["lost"]))[0]
            let inbox = PushInbox()
            let resumed = try await resume(worker, broker, inbox)
            try await resumed.subscribe("q", credit: 1, lease: 600_000)
            let ids = try await resumed.submitAll(Submit("q", ["new", "waits"]))
            let new = await inbox.jobs(1)[0]
            #expect(new.delivery.fields.id == ids[0])
            #expect(try await resumed.hold([]) == [])
            let queue = try await resumed.request(Queues(queue: "q"), expecting: QueuePage.self)
            #expect(queue.queues.map(\.running) == [1])
            #expect(queue.queues.map(\.ready) == [2])
            let outcome = try await resumed.settle([
                Settlement(id: ids[0], token: new.token, .complete(nil))
            ])
            #expect(outcome == [nil])
            #expect(await inbox.jobs(1)[0].delivery.fields.id == lost)
        }
    }

    @Test func `a worker hears at once which of its jobs it has lost`() async throws {
        try await BrokerHarness.run { broker in
            let inbox = PushInbox()
            let worker = try await broker.connect(inbox: inbox)
            try await worker.subscribe("q", credit: 3)
            let ids = try await worker.submitAll(Submit("q", ["a", "b", "c"]))
            let token = await inbox.jobs(3)[0].token
            _ = try await worker.settle([Settlement(id: ids[1], token: token, .complete(nil))])
            let resumed = try await resume(worker, broker)
            let errors = try await resumed.hold([
                Holding.Run(token: token, first: ids[0], jobs: 3),
                Holding.Run(token: token + 1, first: ids[0], jobs: 1),
            ])
            #expect(errors.map { $0?.code } == [nil, .leaseLost, nil, .leaseLost])
        }
    }

    @Test func `a worker that says nothing keeps what it was sent`() async throws {
        try await BrokerHarness.run { broker in
            let worker = try await broker.connect()
            try await worker.subscribe("q", credit: 1, lease: 600_000)
            let id = try await worker.submitAll(Submit("q", ["a"]))[0]
            let resumed = try await resume(worker, broker)
            let job = try await resumed.request(Get(id: id), expecting: JobInfo.self)
            #expect(job.state == .running)
        }
    }

    @Test func `more jobs than batch_max are refused as a whole`() async throws {
        try await BrokerHarness.run {
            $0.limits.batchMax = 10
        } _: { broker in
            let worker = try await broker.connect()
            let error = await #expect(throws: MartletError.self) {
                try await worker.hold([
                    Holding.Run(token: 1, first: JobID(rawValue: 1), jobs: 10),
                    Holding.Run(token: 2, first: JobID(rawValue: 20), jobs: 1),
                ])
            }
            #expect(error?.limit == 10)
            #expect(error?.actual == 11)
        }
    }

    /// Breaks the worker's connection and resumes its session.
    private func resume(
        _ worker: WireConnection, _ broker: BrokerHarness, _ inbox: PushInbox = PushInbox()
    ) async throws -> WireConnection {
        let session = await worker.welcome
        await worker.close()
        let resumed = try await broker.connect(
            session: session.session, secret: session.secret, inbox: inbox)
        #expect(await resumed.welcome.isResumed)
        return resumed
    }
}

extension WireConnection {
    /// Says that this and nothing else is held; one error or none for each job.
    fileprivate func hold(_ runs: [Holding.Run]) async throws -> [WireError?] {
        try await request(Holding(isComplete: true, runs: runs), expecting: Settled.self).errors
    }
}
