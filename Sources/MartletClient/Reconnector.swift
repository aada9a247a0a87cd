import Logging
import MartletWire
import NIOCore
import ServiceLifecycle
import Synchronization

/// Keeps one connection to a server for as long as it runs, and carries calls over from a connection that
/// broke to the next.
///
/// Each call drives its own repetitions: it waits for a connection, sends, and when the connection breaks or the server asks
/// to come back later, begins again until its deadline. Repeating is harmless: whatever only looks changes nothing, and a
/// submission keeps its sequence number.
actor Reconnector {
    nonisolated let eventLoop: any EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        eventLoop.executor.asUnownedSerialExecutor()
    }

    /// Where to connect, in turn; the first is asked first.
    private let endpoints: [MartletEndpoint]
    private let configuration: MartletClient.Configuration
    private let logger: Logger
    /// What the server allowed last; readable without a hop to the event loop.
    private nonisolated let limits = Mutex<ServerLimits?>(nil)
    private var phase = Phase.disconnected(nil)
    private var isStopping = false
    /// Submissions under way.
    private var submitting = 0
    private var idleWaiter: CheckedContinuation<Void, Never>?
    private var window: SubmissionWindow
    private var waiting = Waiting()

    init(endpoint: MartletEndpoint, configuration: MartletClient.Configuration, logger: Logger) {
        endpoints = [endpoint] + configuration.alternatives
        self.configuration = configuration
        self.logger = logger
        eventLoop = configuration.eventLoopGroup.next()
        window = SubmissionWindow(
            producer: .random(in: 1 ... .max), capacity: Int(Limits.producerWindowMax))
    }

    // MARK: Life

    /// Connects and reconnects until the task is cancelled or a graceful shutdown has let submissions under way end.
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
    private func disconnected(_ connection: WireConnection, _ reason: MartletError) {
        guard case .connected(let current) = phase, current === connection else { return }
        logger.log(
            level: isStopping ? .debug : .info, "connection ended",
            metadata: ["server": "\(connection.endpoint)", "reason": "\(reason.message)"])
        phase = .disconnected(nil)
    }

    private func cannotConnect(_ error: MartletError, triedAll: Bool) {
        logger.debug("cannot connect", metadata: ["reason": "\(error)"])
        if error.isRetryable {
            phase = .disconnected(error)
            guard triedAll, !configuration.waitsForServer else { return }
        } else {
            phase = .refused(error)
        }
        wakeAll(\.forConnection, .failure(error))
    }

    private func received(_ push: Push) {
        switch push {
        case .jobs:
            break
        case .welcome(let welcome):
            limits.withLock { $0 = welcome.limits }
        case .draining(let draining):
            reconnect(within: .milliseconds(Int64(draining.milliseconds)))
        }
    }

    /// The server is going away: its clients come back to its successor one by one, not all at once.
    private func reconnect(within time: TimeAmount) {
        guard case .connected(let connection) = phase else { return }
        let delay = TimeAmount.nanoseconds(.random(in: 0...max(0, time.nanoseconds)))
        eventLoop.scheduleTask(in: delay) {
            connection.assumeIsolated { $0.close() }
        }
    }

    /// Waits for a connection that stands.
    private func connection(until deadline: NIODeadline) async throws(MartletError)
        -> WireConnection
    {
        while true {
            switch phase {
            case .connected(let connection): return connection
            case .refused(let error): throw error
            case .stopped: throw .stopped
            case .disconnected(let error):
                if let error, endpoints.count == 1, !configuration.waitsForServer { throw error }
            }
            do throws(MartletError) {
                try await wait(\.forConnection, until: deadline)
            } catch {
                throw error.code == .timeout ? notConnected : error
            }
        }
    }

    private var notConnected: MartletError {
        if case .disconnected(let error?) = phase { return error }
        return MartletError(
            .timeout,
            "no connection to \(endpoints[0]) in time; it is made while the client's run() runs",
            isRetryable: true)
    }

    // MARK: Calls

    /// What the server allows, from its last `WELCOME`; waits for the first one.
    nonisolated func serverLimits(until deadline: NIODeadline) async throws(MartletError)
        -> ServerLimits
    {
        if let known = limits.withLock({ $0 }) { return known }
        return try await firstLimits(until: deadline)
    }

    private func firstLimits(until deadline: NIODeadline) async throws(MartletError) -> ServerLimits
    {
        try await perform(until: deadline) { (connection) throws(MartletError) in
            await connection.welcome.limits
        }
    }

    /// Sends a request that changes nothing, as often as it takes.
    func request<Request: Message, Reply: Message>(
        _ request: Request, expecting reply: Reply.Type, until deadline: NIODeadline
    ) async throws(MartletError) -> Reply {
        try await perform(until: deadline) { (connection) throws(MartletError) in
            try await connection.request(request, expecting: reply, deadline: deadline)
        }
    }

    /// Waits for a job's end, over as many connections as it takes.
    ///
    /// - Parameter end: nil: as long as it takes.
    /// - Throws: `waitTimeout` when the job is not finished by then.
    func wait(
        for id: JobID, parts: JobParts, until end: NIODeadline?
    ) async throws(MartletError) -> JobInfo {
        let deadline = end.map { $0 + TimeAmount(configuration.requestTimeout) } ?? .distantFuture
        while true {
            do throws(MartletError) {
                return try await perform(until: deadline) { (connection) throws(MartletError) in
                    let message = Wait(
                        id: id, milliseconds: Self.waitMilliseconds(until: end), parts: parts)
                    return try await connection.request(
                        message, expecting: JobInfo.self, deadline: deadline)
                }
            } catch {
                let isOver = end.map { $0 <= .now() } ?? false
                guard error.code == .waitTimeout, !isOver else { throw error }
            }
        }
    }

    private static func waitMilliseconds(until end: NIODeadline?) -> UInt32 {
        guard let end else { return Limits.waitMillisecondsMax }
        let left = (end - .now()).nanoseconds / 1_000_000 + 1
        return UInt32(min(max(left, 1), Int64(Limits.waitMillisecondsMax)))
    }

    /// Submits exactly once, over as many connections as it takes.
    func submit(
        _ message: Submit, until deadline: NIODeadline
    ) async throws(MartletError) -> Submitted {
        guard !isStopping else { throw .stopped }
        submitting += 1
        defer { submissionEnded() }
        let sequence = try await openSequence(until: deadline)
        defer { closeSequence(sequence) }
        return try await perform(until: deadline) { (connection) throws(MartletError) in
            var message = message
            message.producer = self.window.producer
            message.sequence = sequence
            message.floor = self.window.floor
            return try await connection.request(
                message, expecting: Submitted.self, deadline: deadline)
        }
    }

    private func perform<Reply: Sendable>(
        until deadline: NIODeadline,
        _ attempt: (WireConnection) async throws(MartletError) -> Reply
    ) async throws(MartletError) -> Reply {
        var backoff = configuration.reconnectBackoff
        var refusal: MartletError?
        while true {
            do throws(MartletError) {
                return try await attemptOnce(until: deadline, attempt)
            } catch {
                // Why the server refused says more than that the time is over.
                if error.code == .timeout, let refusal { throw refusal }
                guard error.isWorthRepeating else { throw error }
                refusal = error
                if error.code == .connectionLost { continue }
                let delay = TimeAmount(backoff.next(atLeast: error.retryAfter ?? .zero))
                guard eventLoop.now + delay < deadline else { throw error }
                await pause(.nanoseconds(delay.nanoseconds))
                if Task.isCancelled { throw .cancelled }
            }
        }
    }

    /// - Throws: what the server answered; `connectionLost` when the connection broke, and is then no longer the current one.
    private func attemptOnce<Reply: Sendable>(
        until deadline: NIODeadline,
        _ attempt: (WireConnection) async throws(MartletError) -> Reply
    ) async throws(MartletError) -> Reply {
        let connection = try await connection(until: deadline)
        do throws(MartletError) {
            return try await attempt(connection)
        } catch {
            if let reason = await connection.closeReason { disconnected(connection, reason) }
            throw error
        }
    }

    private func submissionEnded() {
        submitting -= 1
        if submitting == 0 { becameIdle() }
    }

    private func openSequence(until deadline: NIODeadline) async throws(MartletError) -> UInt64 {
        while true {
            if let sequence = window.open() { return sequence }
            try await wait(\.forWindow, until: deadline)
        }
    }

    private func closeSequence(_ sequence: UInt64) {
        for _ in 0..<window.close(sequence) {
            waiting.forWindow.popFirst()?.resume(returning: .success(()))
        }
    }

    // MARK: Waiting

    private func wait(_ list: WaitingList, until deadline: NIODeadline) async throws(MartletError) {
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

    private func wakeAll(_ list: WaitingList, _ result: Result<Void, MartletError>) {
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
    private func becameIdle() {
        idleWaiter?.resume()
        idleWaiter = nil
    }

    private func pause(_ duration: Duration) async {
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

    private typealias Waiter = CheckedContinuation<Result<Void, MartletError>, Never>
    private typealias WaitingList = any WritableKeyPath<Waiting, WaitTable<Waiter>> & Sendable

    private struct Waiting {
        var forConnection = WaitTable<Waiter>()
        var forWindow = WaitTable<Waiter>()
        private var nextNumber: UInt64 = 0

        mutating func makeNumber() -> UInt64 {
            defer { nextNumber += 1 }
            return nextNumber
        }
    }
}

extension MartletError {
    /// Waiting longer for a job is for the caller to decide; a time that is over stays over; and for a connection
    /// that can't be made the call has waited as long as it may.
    fileprivate var isWorthRepeating: Bool {
        isRetryable && code != .waitTimeout && code != .timeout && code != .cannotConnect
    }

    fileprivate static var stopped: MartletError {
        MartletError(.stopped, "the client has been shut down")
    }
}
