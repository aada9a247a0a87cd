import Foundation
import Testing

extension IntegrationTests {
    /// A broker under load is killed again and again, and has kept its word each time.
    @Suite(.timeLimit(.minutes(5)))
    struct KillTests {
        private static let rounds = 25

        @Test
        func `nothing acknowledged is lost, nothing is completed twice, no stale token counts`()
            async throws
        {
            let seed =
                ProcessInfo.processInfo.environment["MARTLET_TEST_SEED"].flatMap { UInt64($0) }
                ?? UInt64.random(in: 0...UInt64.max)
            print("kill test: MARTLET_TEST_SEED=\(seed)")
            try await withScratch(onDisk: true) { directory in
                let data = directory + "/data"
                let ledger = JobLedger()
                let load = KillLoad(ledger: ledger, seed: seed)
                var random = SeededRandom(seed: seed)
                for _ in 0..<Self.rounds {
                    let target = ledger.eventCount + Int.random(in: 1...1500, using: &random)
                    let broker = try await Server.broker(data: data, "--grace", "2s")
                    try await load.run(on: broker) { try ledger.wait(forEvents: target) }
                    #expect(ledger.broken.isEmpty, "seed \(seed)")
                }
                let broker = try await Server.broker(data: data, "--grace", "2s")
                try await load.finish(on: broker)
                try await expectKept(by: broker, ledger, queue: load.queue)
                #expect(ledger.broken.isEmpty, "seed \(seed)")
                print(
                    "kill test: \(ledger.acknowledgedIDs.count) jobs acknowledged over \(Self.rounds) kills"
                )
                try await broker.kill()
            }
        }

        /// The broker's own books agree with the record.
        private func expectKept(by broker: Server, _ ledger: JobLedger, queue: String) async throws
        {
            let port = broker.port
            try await blocking {
                let connection = try RawConnection(port: port)
                _ = try connection.hello()
                let ids = ledger.acknowledgedIDs
                let counts = try connection.counts(of: queue)
                #expect(counts.completed == UInt64(ids.count))
                #expect(
                    counts.ready + counts.running + counts.scheduled + counts.held + counts.dead
                        == 0)
                for id in ids {
                    let state = try connection.job(id).state
                    if state != 5 { Issue.record("job \(id) is in state \(state), not completed") }
                }
            }
        }
    }
}

/// Producers and workers that outlive the broker.
final class KillLoad: Sendable {
    let queue = "kill"
    private let producers: [KillProducer]
    private let workers: [KillWorker]

    init(ledger: JobLedger, seed: UInt64) {
        let queue = queue
        producers = (1...2).map { KillProducer($0, queue: queue, ledger: ledger, seed: seed) }
        workers = (1...3).map {
            KillWorker($0, resumes: $0 != 3, queue: queue, ledger: ledger, seed: seed)
        }
    }

    /// Keeps everybody busy until `moment` returns, then kills the broker; returns when all have
    /// noticed.
    func run(on broker: Server, until moment: @escaping @Sendable () throws -> Void) async throws {
        let port = broker.port
        try await withThrowingTaskGroup { group in
            for producer in producers {
                group.addTask { try await blocking { producer.run(port: port) } }
            }
            for worker in workers {
                group.addTask { try await blocking { worker.run(port: port) } }
            }
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await blocking(moment))
            } catch {
                outcome = .failure(error)
            }
            try await broker.kill()
            try await group.waitForAll()
            try outcome.get()
        }
    }

    /// Everybody says what is left to say, and works until the queue is empty.
    func finish(on broker: Server) async throws {
        let (port, queue) = (broker.port, queue)
        for producer in producers { try await blocking { try producer.finish(port: port) } }
        try await withThrowingTaskGroup { group in
            for worker in workers {
                group.addTask {
                    try await blocking {
                        let deadline = Date(timeIntervalSinceNow: 60)
                        let books = try RawConnection(port: port)
                        _ = try books.hello()
                        try worker.finish(port: port) {
                            let counts = try books.counts(of: queue)
                            return Date.now > deadline
                                || counts.ready + counts.running + counts.scheduled == 0
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
