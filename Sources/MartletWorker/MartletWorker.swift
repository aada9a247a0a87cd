public import Logging
public import MartletClient
import MartletWire
import NIOCore
public import ServiceLifecycle

/// Takes jobs from queues and runs their handlers.
///
/// ```swift
/// let worker = MartletWorker(.martlet(host: "127.0.0.1"), queues: ["images": 8], logger: logger) {
///     Handler(Thumbnail.self) { job, context in
///         try await makeThumbnail(of: job.source, width: job.width)
///     }
/// }
/// try await ServiceGroup(services: [worker], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
///
/// A worker that starts before its server waits for it, and one that loses its connection comes back to the same
/// session: handlers go on meanwhile, and what they return is settled then.
public final class MartletWorker: Service {
    /// What it does with which jobs.
    public let handlers: [Handler]

    private let endpoint: MartletEndpoint
    private let queues: [String: Int]
    private let table: HandlerTable
    private let configuration: Configuration
    private let logger: Logger
    private let clock: WorkerClock
    /// Queues whose subscription stands.
    private let subscribed: (queues: AsyncStream<String>, add: AsyncStream<String>.Continuation)

    /// - Parameters:
    ///   - queues: how many handlers may run at a time, for each queue; 1 … 10,000. A queue need not exist yet.
    ///   - handlers: one for each type of job, and perhaps one for all others. A job that none takes fails.
    /// - Precondition: there is a queue, all slots are in their range, and no two handlers take the same type.
    public convenience init(
        _ endpoint: MartletEndpoint,
        queues: [String: Int],
        configuration: Configuration = Configuration(),
        logger: Logger,
        @HandlerBuilder handlers: () -> [Handler]
    ) {
        self.init(
            endpoint, queues: queues, configuration: configuration, logger: logger,
            handlers: handlers(), clock: .system)
    }

    init(
        _ endpoint: MartletEndpoint, queues: [String: Int], configuration: Configuration,
        logger: Logger, handlers: [Handler], clock: WorkerClock
    ) {
        precondition(!queues.isEmpty, "a worker takes jobs from at least one queue")
        precondition(
            queues.values.allSatisfy { (1...Self.slotsMax).contains($0) },
            "a queue has 1 to \(Self.slotsMax) slots")
        self.endpoint = endpoint
        self.queues = queues
        self.configuration = configuration
        self.logger = logger
        self.handlers = handlers
        table = HandlerTable(handlers)
        self.clock = clock
        let (stream, continuation) = AsyncStream.makeStream(
            of: String.self, bufferingPolicy: .bufferingOldest(queues.count))
        subscribed = (stream, continuation)
    }

    /// Slots of a queue: with what is fetched ahead, the credit stays within the protocol's bound.
    private static let slotsMax = 10_000

    /// Works until a graceful shutdown is asked for, its task is cancelled, or the server refuses it.
    ///
    /// On a graceful shutdown it takes no more jobs, gives back those that wait for a slot, lets handlers finish
    /// within ``Configuration/drainTimeout``, then cancels them and gives their jobs back too. No job loses an attempt.
    ///
    /// - Throws: `MartletError` when the server does not accept the token or a queue's name.
    public func run() async throws {
        defer { subscribed.add.finish() }
        try checkQueues()
        let mailbox = Mailbox<WorkerEvent>()
        let outcome = await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await work(mailbox)
            } onGracefulShutdown: {
                mailbox.post(.shutdown)
            }
        } onCancel: {
            mailbox.post(.stop(nil))
        }
        try outcome.get()
    }

    /// Returns once all queues have been subscribed to, or the worker has ended. To be called once,
    /// for tests.
    package func waitUntilSubscribed() async {
        var missing = Set(queues.keys)
        for await queue in subscribed.queues {
            missing.remove(queue)
            if missing.isEmpty { return }
        }
    }

    private func checkQueues() throws(MartletError) {
        do throws(WireError) {
            for queue in queues.keys { try Names.check(queue: queue) }
        } catch {
            throw MartletError(error)
        }
    }

    private func work(_ mailbox: Mailbox<WorkerEvent>) async -> Result<Void, MartletError> {
        let connector = Connector(
            endpoint: endpoint, configuration: configuration,
            eventLoop: configuration.eventLoopGroup.next(), logger: logger, mailbox: mailbox)
        return await withDiscardingTaskGroup { tasks in
            tasks.addTask { await connector.run() }
            defer { tasks.cancelAll() }
            var loop = WorkerLoop(
                machine: WorkerMachine(lanes: lanes, settings: configuration.settings),
                runner: JobRunner(
                    table, PayloadPacker(compressesFrom: configuration.compressesFrom)),
                mailbox: mailbox, clock: clock, logger: logger,
                onSubscribed: { [add = subscribed.add] in add.yield($0) })
            do throws(MartletError) {
                try await loop.run(in: &tasks)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
    }

    private var lanes: [WorkerLane] {
        queues.sorted { $0.key < $1.key }.map { queue, slots in
            WorkerLane(queue: queue, slots: slots, prefetch: configuration.prefetch)
        }
    }
}
