import Foundation
import Logging
import MartletClient
import MartletWire
import MartletWorker
import NIOCore
import NIOPosix
import ServiceLifecycle

/// A program's part: the client library pushes 64 jobs at a time, then the worker library has all of them delivered,
/// then all are settled. The broker is another process.
struct ClientCost {
    private let endpoint: MartletEndpoint
    private let jobs: Int
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private static let queue = "cost"

    init(port: Int, jobs: Int) {
        endpoint = .martlet(host: "127.0.0.1", port: port)
        self.jobs = jobs
    }

    func measure() async throws {
        var configuration = MartletClient.Configuration()
        configuration.eventLoopGroup = group
        configuration.compression = .none
        let client = MartletClient(endpoint, configuration: configuration, logger: .critical)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await client.run() }
            try await submit(client)
            tasks.cancelAll()
        }
        try await work()
    }

    private func submit(_ client: MartletClient) async throws {
        let batches = (0..<jobs / batch).map { number in
            (0..<batch).map { ByteBuffer.payload(number: number * batch + $0) }
        }
        let options = JobOptions(retainCompleted: .zero)
        try await client.push(
            payloads: batches[0], type: "cost", queue: "warm", options: options)
        phaseEnded("ready")
        for payloads in batches {
            try await client.push(
                payloads: payloads, type: "cost", queue: ClientCost.queue, options: options)
        }
        phaseEnded("client submit")
    }

    /// Handlers wait for each other, so that everything is delivered before anything is settled.
    private func work() async throws {
        let gate = Gate(awaiting: jobs / batch * batch)
        var configuration = MartletWorker.Configuration()
        configuration.eventLoopGroup = group
        configuration.compressesFrom = nil
        configuration.prefetch = 0
        configuration.lease = .seconds(3_600)
        let worker = MartletWorker(
            endpoint, queues: [ClientCost.queue: jobs], configuration: configuration,
            logger: .critical
        ) {
            Handler("cost") { _, _ in
                await gate.pass()
                return ByteBuffer()
            }
        }
        let services = ServiceGroup(services: [worker], logger: .critical)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            await gate.waitForAll()
            phaseEnded("client deliver")
            gate.open()
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
            phaseEnded("client settle")
        }
    }
}
