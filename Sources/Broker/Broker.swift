import Engine
package import Logging
import MartletWire
package import NIOCore
import NIOPosix
import ServiceLifecycle
import Store

/// The queue: every job in a store behind a redo log, served over TCP.
///
/// Event loops split frames, one of them carries them out in turns (`BrokerLoop`), a few threads read
/// snapshots.
package final class Broker: Service {
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let inbox: Inbox
    private let bound: EventLoopPromise<SocketAddress>
    private let group: MultiThreadedEventLoopGroup

    package init(_ configuration: BrokerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
        inbox = Inbox(loop: group.next())
        bound = inbox.loop.makePromise()
    }

    /// The address that clients connect to, once the broker is ready to serve them. Throws what kept it
    /// from getting ready.
    package func address() async throws -> SocketAddress { try await bound.futureResult.get() }

    /// Serves until it is shut down gracefully, its task is cancelled, or it can't go on. Cancelled, it
    /// stops without telling its clients first; what it acknowledged is as safe.
    /// - Throws: `BrokerFailure`.
    package func run() async throws {
        let readers = SnapshotReaders(threads: 2, logger: logger)
        let disk = DiskThreads()
        let result: Result<Void, any Error>
        do {
            try await serve(readers, disk)
            result = .success(())
        } catch {
            bound.fail(error)
            result = .failure(error)
        }
        try await readers.stop(on: inbox.loop).get()
        try await disk.stop(on: inbox.loop).get()
        try await group.shutdownGracefully()
        try result.get()
    }

    /// Lets time pass at once, for tests: what is due by then has been begun when this returns.
    package func advance(milliseconds: UInt64) async throws {
        configuration.clock.skip(milliseconds: milliseconds)
        try await inbox.takeTurn()
    }

    private func serve(_ readers: SnapshotReaders, _ disk: DiskThreads) async throws {
        let opened = inbox.loop.makePromise(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await self.runLoop(readers, disk, opened) }
            do {
                try await opened.futureResult.get()
                let channel = try await self.listen()
                guard let address = channel.localAddress else {
                    throw BrokerFailure.cannotStart("the listening socket has no address")
                }
                self.bound.succeed(address)
                try await withTaskCancellationHandler {
                    try await withGracefulShutdownHandler {
                        try await tasks.next()
                    } onGracefulShutdown: {
                        self.goAway(channel)
                    }
                } onCancel: {
                    self.inbox.append(.stop)
                }
            } catch {
                self.inbox.append(.stop)
                throw error
            }
        }
    }

    /// The writer's whole life: open, recover, turns, close.
    private func runLoop(
        _ readers: SnapshotReaders, _ disk: DiskThreads, _ opened: EventLoopPromise<Void>
    ) async throws {
        let (configuration, inbox, logger) = (configuration, inbox, logger)
        let ended = inbox.loop.makePromise(of: Void.self)
        inbox.loop.execute {
            do {
                let appends = AsynchronousAppends()
                let loop = try BrokerLoop(
                    configuration, inbox: inbox, readers: readers, appends: appends, disk: disk,
                    logger: logger)
                loop.logRecovery()
                let kept = NIOLoopBound(loop, eventLoop: inbox.loop)
                ended.futureResult.whenComplete { _ in _ = kept }
                loop.connect().whenComplete { connected in
                    do {
                        try connected.get()
                        opened.succeed()
                        kept.value.start(ended)
                    } catch {
                        opened.fail(BrokerFailure(error))
                        ended.fail(error)
                    }
                }
            } catch {
                opened.fail(BrokerFailure(error))
                ended.fail(error)
            }
        }
        do {
            try await ended.futureResult.get()
        } catch {
            throw BrokerFailure(error)
        }
    }

    private func listen() async throws -> any Channel {
        let (inbox, limits, logger) = (inbox, configuration.limits, logger)
        let ids = ConnectionIDs()
        do {
            return try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelOption(.maxMessagesPerRead, value: 16)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(
                        minimum: 1_024, initial: 1_024, maximum: 65_536)
                )
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = BrokerHandler(
                            id: ids.next(), inbox: inbox, limits: limits, logger: logger)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
                .bind(host: configuration.host, port: configuration.port).get()
        } catch {
            throw BrokerFailure.cannotStart(
                "cannot listen on \(configuration.host):\(configuration.port): \(reason(error))")
        }
    }

    /// Clients are told, given their time, and left.
    private func goAway(_ channel: any Channel) {
        logger.info("going away")
        channel.close(promise: nil)
        inbox.append(.drain)
        let inbox = inbox
        channel.eventLoop.scheduleTask(in: .milliseconds(Int64(configuration.drainMilliseconds))) {
            inbox.append(.stop)
        }
    }

    private func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return error.errnoCode == EADDRINUSE ? "the port is in use" : String(describing: error)
    }
}
