import Broker
import Foundation
import Logging
import MartletClient
import NIOCore
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import MartletWorker

/// Client, broker and worker together, in one process.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct WorkerAndBrokerTests {
    struct Shout: Job {
        static let type = "shout"
        static let queue = "words"
        static var options: JobOptions { JobOptions(maxAttempts: 1) }
        typealias Output = String
        var word: String
    }

    @Test func `jobs come back as results, in whatever order they were done`() async throws {
        try await withBroker { broker in
            let worker = MartletWorker(broker, queues: ["words": 8], logger: .quiet) {
                Handler(Shout.self) { job, _ in job.word.uppercased() }
            }
            try await withServices([worker]) { _ in
                try await MartletClient.with(broker, logger: .quiet) { martlet in
                    let jobs = try await martlet.push(
                        contentsOf: (0..<500).map { Shout(word: "word \($0)") })
                    for (number, job) in jobs.enumerated() {
                        #expect(try await job.value == "WORD \(number)")
                    }
                }
            }
        }
    }

    @Test func `a job that dies says why`() async throws {
        struct TooQuiet: Error {}
        try await withBroker { broker in
            let worker = MartletWorker(broker, queues: ["words": 1], logger: .quiet) {
                Handler(Shout.self) { _, _ in throw TooQuiet() }
            }
            try await withServices([worker]) { _ in
                try await MartletClient.with(broker, logger: .quiet) { martlet in
                    let job = try await martlet.push(Shout(word: "a"))
                    let error = await #expect(throws: MartletError.self) { try await job.value }
                    #expect(error?.code == .jobFailed)
                    #expect(error?.message.contains("TooQuiet") == true)
                }
            }
        }
    }

    @Test func `a checkpoint that returned is kept`() async throws {
        try await withBroker { broker in
            try await MartletClient.with(broker, logger: .quiet) { martlet in
                let handler = Handler(Shout.self) { job, context in
                    for length in 1...50 {
                        try await context.checkpoint(Data(count: length))
                        let kept = try await martlet.status(of: context.id).checkpointBytes
                        if kept != length { return "\(length): \(kept ?? 0)" }
                    }
                    return "kept"
                }
                let worker = MartletWorker(broker, queues: ["words": 1], logger: .quiet) { handler }
                try await withServices([worker]) { _ in
                    let job = try await martlet.push(Shout(word: "a"))
                    let value = try await job.value
                    #expect(value == "kept")
                }
            }
        }
    }

    @Test func `a drain hands back unspent, and the next worker does the rest`() async throws {
        try await withBroker { broker in
            let gate = Gate()
            let handler = Handler(Shout.self) { _, context in
                await gate.wait()
                try Task.checkCancellation()
                return "\(context.failures) \(context.interruptions)"
            }
            try await MartletClient.with(broker, logger: .quiet) { martlet in
                var configuration = MartletWorker.Configuration()
                configuration.drainTimeout = .zero
                let first = MartletWorker(
                    broker, queues: ["words": 1], configuration: configuration, logger: .quiet
                ) { handler }
                let job = try await martlet.push(Shout(word: "a"))
                try await withServices([first]) { _ in await gate.arrived() }
                let second = MartletWorker(broker, queues: ["words": 1], logger: .quiet) { handler }
                try await withServices([second]) { _ in
                    await gate.arrived()
                    gate.open()
                    let value = try await job.value
                    #expect(value == "0 1")
                }
            }
        }
    }

    @Test func `a broker that restarts does not run a job twice`() async throws {
        let gate = Gate()
        let runs = Atomic(0)
        let handler = Handler(Shout.self) { job, _ in
            runs.add(1, ordering: .relaxed)
            await gate.wait()
            try Task.checkCancellation()
            return job.word
        }
        let directory = temporaryDirectory()
        defer { remove(directory) }
        let reserved = try ReservedPort()
        let id = Mutex<JobStatus.ID?>(nil)
        try await withBroker(in: directory) { broker in
            try await MartletClient.with(broker, logger: .quiet) { martlet in
                let job = try await martlet.push(Shout(word: "once"))
                id.withLock { $0 = job.id }
            }
        }
        let worker = MartletWorker(reserved.endpoint, queues: ["words": 1], logger: .quiet) {
            handler
        }
        try await withServices([worker]) { _ in
            try await withBroker(in: directory, port: reserved.port) { _ in await gate.arrived() }
            gate.open()
            try await withBroker(in: directory, port: reserved.port) { broker in
                try await MartletClient.with(broker, logger: .quiet) { martlet in
                    let job = martlet.handle(for: try #require(id.withLock { $0 }), of: Shout.self)
                    #expect(try await job.value == "once")
                    #expect(try await job.status().attempts == 1)
                }
            }
        }
        #expect(runs.load(ordering: .relaxed) == 1)
    }

    @Test func `a job that was on its way when the connection broke is run at once, unspent`()
        async throws
    {
        try await withBroker { broker in
            let line = try await BrittleLine.start(to: broker)
            let worker = MartletWorker(line.endpoint, queues: ["words": 1], logger: .quiet) {
                Handler(Shout.self) { job, context in
                    "\(job.word) \(context.failures) \(context.crashes) \(context.interruptions)"
                }
            }
            try await withServices([worker]) { _ in
                try await MartletClient.with(broker, logger: .quiet) { martlet in
                    let first = try await martlet.push(Shout(word: "first"))
                    #expect(try await first.value == "first 0 0 0")
                    line.loseAnswers()
                    let second = try await martlet.push(Shout(word: "second"))
                    #expect(try await second.status().state == .running)
                    try await line.cut()
                    #expect(try await second.value == "second 0 0 1")
                }
            }
            try await line.stop()
        }
    }

    @Test func `a command is a handler`() async throws {
        try await withBroker { broker in
            let command = try Command(splitting: "tr a-z A-Z")
            let handler = Handler.command(try await SubprocessHandler(command: command))
            let worker = MartletWorker(broker, queues: ["words": 4], logger: .quiet) { handler }
            try await withServices([worker]) { _ in
                try await MartletClient.with(broker, logger: .quiet) { martlet in
                    let payloads = (0..<50).map { ByteBuffer(string: "word \($0)") }
                    let jobs = try await martlet.push(
                        payloads: payloads, type: "any", queue: "words")
                    for (number, job) in jobs.enumerated() {
                        #expect(try await job.value == Data("WORD \(number)".utf8))
                    }
                }
            }
        }
    }

    // MARK: Helpers

    private func withBroker(
        in given: String? = nil, port: Int = 0, _ body: (MartletEndpoint) async throws -> Void
    ) async throws {
        let directory = given ?? temporaryDirectory()
        defer { if given == nil { remove(directory) } }
        var configuration = BrokerConfiguration(directory: directory, port: port)
        configuration.segmentBytes = 4 << 20
        configuration.reserveBytes = 4 << 20
        configuration.drainMilliseconds = 1
        let broker = Broker(configuration, logger: .quiet)
        try await withServices([broker]) { _ in
            let port = try await broker.address().port ?? 0
            try await body(.martlet(host: "127.0.0.1", port: port))
        }
    }

    /// Runs services for as long as the body does, then shuts them down gracefully.
    private func withServices(
        _ services: [any Service], _ body: (ServiceGroup) async throws -> Void
    ) async throws {
        let group = ServiceGroup(services: services, logger: .quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body(group)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func temporaryDirectory() -> String {
        TestDisk.path + "/martlet-test-\(UUID().uuidString)"
    }

    private func remove(_ directory: String) {
        #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: directory) }
    }
}
