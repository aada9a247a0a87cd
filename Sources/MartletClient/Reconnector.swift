import Logging
import MartletWire
import NIOCore
import ServiceLifecycle
import Synchronization

/// Keeps one connection to a server for as long as it runs, and carries calls over from a
/// connection that broke to the next.
///
/// Each call drives its own repetitions: it waits for a connection, sends, and when the connection
/// breaks or the server asks to come back later, begins again until its deadline. Repeating is
/// harmless: whatever only looks changes nothing, and a submission keeps its sequence number.
actor Reconnector {
    nonisolated let eventLoop: any EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        eventLoop.executor.asUnownedSerialExecutor()
    }

    /// Where to connect, in turn; the first is asked first.
    private let endpoints: [MartletEndpoint]
    let configuration: MartletClient.Configuration
    private let logger: Logger
    /// What the server allowed last; readable without a hop to the event loop.
    nonisolated let limits = Mutex<ServerLimits?>(nil)
    private var phase = Phase.disconnected(nil)
    var isStopping = false
    /// Submissions under way.
    var submitting = 0
    private var idleWaiter: CheckedContinuation<Void, Never>?
    var window: SubmissionWindow
    var waiting = Waiting()
    var watches: [UInt32: OpenWatch] = [:]
    var nextWatch: UInt32 = 1

    init(endpoint: MartletEndpoint, configuration: MartletClient.Configuration, logger: Logger) {
        endpoints = [endpoint] + configuration.alternatives
        self.configuration = configuration
        self.logger = logger
        eventLoop = configuration.eventLoopGroup.next()
        window = SubmissionWindow(
            producer: .random(in: 1 ... .max), capacity: Int(Limits.producerWindowMax))
    }

    // MARK: Life

    /// Connects and reconnects until the task is cancelled or a graceful shutdown has let
    /// submissions under way end.
    func run() async {
        guard !isStopping else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keepConnected() }
            group.addTask { await self.waitForShutdown() }
            await group.next()
            await leave()
            group.cancelAll()
        }
        stopped()
    }

    private func keepConnected() async {
        var backoff = configuration.reconnectBackoff
        var attempt = 0
        while !Task.isCancelled {
            let endpoint = endpoints[attempt % endpoints.count]
            do throws(MartletError) {
                let connection = try await connect(to: endpoint)
                let since = eventLoop.now
                connected(connection, await connection.welcome)
                disconnected(connection, await closeReason(of: connection))
                // A server that greets and hangs up is not asked faster than one that is not there.
                if eventLoop.now - since > TimeAmount(configuration.reconnectDelay.upperBound) {
                    backoff.reset()
                }
            } catch {
                if Task.isCancelled { return }
                attempt += 1
                cannotConnect(error, triedAll: attempt >= endpoints.count)
            }
            await pause(backoff.next())
        }
    }

    private func connect(to endpoint: MartletEndpoint) async throws(MartletError) -> WireConnection
    {
        try await WireConnection.connect(
            to: endpoint, hello: configuration.hello, on: eventLoop,
            timeout: TimeAmount(configuration.connectTimeout), logger: logger,
            onPush: { [weak self] push in self?.assumeIsolated { $0.received(push) } })
    }

    /// Waits until the connection has ended; cancelling ends it.
    private func closeReason(of connection: WireConnection) async -> MartletError {
        await withTaskCancellationHandler {
            await connection.waitUntilClosed()
        } onCancel: {
            eventLoop.execute { connection.assumeIsolated { $0.close() } }
        }
    }

    private func waitForShutdown() async {
        do {
            try await gracefulShutdown()
        } catch {
            // Cancelled: nothing is waited for.
            isStopping = true
            return
        }
        isStopping = true
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilIdle() }
            group.addTask { await self.pause(self.configuration.shutdownTimeout) }
            await group.next()
            group.cancelAll()
        }
    }

    private func leave() async {
        guard case .connected(let connection) = phase else { return }
        let timeout = min(configuration.connectTimeout, configuration.shutdownTimeout)
        await connection.leave(deadline: eventLoop.now + TimeAmount(timeout))
    }

    private func stopped() {
        isStopping = true
        phase = .stopped
        wakeAll(\.forConnection, .failure(.stopped))
        wakeAll(\.forWindow, .failure(.stopped))
        wakeAll(\.forEvents, .failure(.stopped))
    }

    // MARK: The connection

    private func connected(_ connection: WireConnection, _ welcome: Welcome) {
        logger.debug(
            "connected",
            metadata: ["server": "\(connection.endpoint)", "version": "\(welcome.server)"])
        limits.withLock { $0 = welcome.limits }
        phase = .connected(connection)
        wakeAll(\.forConnection, .success(()))
    }

    /// The connection has ended. Called by whoever notices first.
    func disconnected(_ connection: WireConnection, _ reason: MartletError) {
        guard case .connected(let current) = phase, current === connection else { return }
        logger.log(
            level: isStopping ? .debug : .info, "connection ended",
            metadata: ["server": "\(connection.endpoint)", "reason": "\(reason.message)"])
        phase = .disconnected(nil)
        watchesLost()
    }

    private func cannotConnect(_ error: MartletError, triedAll: Bool) {
        logger.debug("cannot connect", metadata: ["reason": "\(error)"])
        if error.isRetryable {
            phase = .disconnected(error)
            guard triedAll, !waitsForServer else { return }
        } else {
            phase = .refused(error)
        }
        wakeAll(\.forConnection, .failure(error))
    }

    private func received(_ push: Push) {
        switch push {
        case .jobs, .cancel:
            break
        case .events(let events):
            received(events)
        case .welcome(let welcome):
            limits.withLock { $0 = welcome.limits }
        case .draining(let draining):
            reconnect(within: .milliseconds(Int64(draining.milliseconds)))
        }
    }

    /// The server is going away: its clients come back to its successor one by one, not all at
    /// once.
    private func reconnect(within time: TimeAmount) {
        guard case .connected(let connection) = phase else { return }
        let delay = TimeAmount.nanoseconds(.random(in: 0...max(0, time.nanoseconds)))
        eventLoop.scheduleTask(in: delay) {
            connection.assumeIsolated { $0.close() }
        }
    }

    /// Waits for a connection that stands.
    func connection(until deadline: NIODeadline) async throws(MartletError)
        -> WireConnection
    {
        while true {
            switch phase {
            case .connected(let connection): return connection
            case .refused(let error): throw error
            case .stopped: throw .stopped
            case .disconnected(let error):
                if let error, endpoints.count == 1, !waitsForServer { throw error }
            }
            do throws(MartletError) {
                try await wait(\.forConnection, until: deadline)
            } catch {
                throw error.code == .timeout ? notConnected : error
            }
        }
    }

    /// A server that was there once is expected to come back.
    private var waitsForServer: Bool {
        configuration.waitsForServer || limits.withLock { $0 != nil }
    }

    private var notConnected: MartletError {
        if case .disconnected(let error?) = phase { return error }
        return MartletError(
            .timeout,
            "no connection to \(endpoints[0]) in time; it is made while the client's run() runs",
            isRetryable: true)
    }

    // MARK: Waiting

    func wait(_ list: WaitingList, until deadline: NIODeadline) async throws(MartletError) {
        let number = waiting.makeNumber()
        let timer =
            deadline == .distantFuture
            ? nil
            : eventLoop.scheduleTask(deadline: deadline) {
                self.assumeIsolated { $0.wake(number, in: list, .failure(.timeout)) }
            }
        defer { timer?.cancel() }
        try await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiting[keyPath: list].insert(continuation, number: number, deadline: deadline)
            }
        } onCancel: {
            // Runs on the loop after the insertion above, even if the task was cancelled before it.
            eventLoop.execute {
                self.assumeIsolated { $0.wake(number, in: list, .failure(.cancelled)) }
            }
        }.get()
    }

    private func wake(_ number: UInt64, in list: WaitingList, _ result: Result<Void, MartletError>)
    {
        waiting[keyPath: list].remove(number)?.resume(returning: result)
    }

    func wakeAll(_ list: WaitingList, _ result: Result<Void, MartletError>) {
        for waiter in waiting[keyPath: list].removeAll() { waiter.resume(returning: result) }
    }

    private func waitUntilIdle() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                idleWaiter = continuation
                if submitting == 0 { becameIdle() }
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.becameIdle() } }
        }
    }

    /// No submission is under way, or nobody waits for that any more.
    func becameIdle() {
        idleWaiter?.resume()
        idleWaiter = nil
    }

    func pause(_ duration: Duration) async {
        do {
            try await Task.sleep(for: duration)
        } catch {
            // Cancelled: whoever pauses looks at that next.
        }
    }

    // MARK: Types

    private enum Phase {
        /// Not connected now; with the last attempt's error when there was one.
        case disconnected(MartletError?)
        case connected(WireConnection)
        /// The server does not want this client; it is asked again now and then.
        case refused(MartletError)
        case stopped
    }

    typealias Waiter = CheckedContinuation<Result<Void, MartletError>, Never>
    typealias WaitingList = any WritableKeyPath<Waiting, WaitTable<Waiter>> & Sendable

    struct Waiting {
        var forConnection = WaitTable<Waiter>()
        var forWindow = WaitTable<Waiter>()
        var forEvents = WaitTable<Waiter>()
        private var nextNumber: UInt64 = 0

        mutating func makeNumber() -> UInt64 {
            defer { nextNumber += 1 }
            return nextNumber
        }
    }
}
