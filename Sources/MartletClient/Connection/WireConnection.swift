package import Logging
package import MartletWire
package import NIOCore
import NIOPosix

/// One connection to a server, from `HELLO` to its end.
///
/// Runs on its event loop: what it does needs no thread but that one. Any number of tasks may have
/// requests under way; what they send in one turn of the loop goes out in one write. A connection
/// that has ended stays ended; to connect again is for whoever uses it.
package actor WireConnection {
    package nonisolated let endpoint: MartletEndpoint
    package nonisolated let eventLoop: any EventLoop

    private nonisolated let channel: any Channel
    private nonisolated let bound: NIOLoopBound<ConnectionHandler>

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        eventLoop.executor.asUnownedSerialExecutor()
    }

    private init(
        endpoint: MartletEndpoint, channel: any Channel, bound: NIOLoopBound<ConnectionHandler>
    ) {
        self.endpoint = endpoint
        self.eventLoop = channel.eventLoop
        self.channel = channel
        self.bound = bound
    }

    /// Connects and says `HELLO`.
    ///
    /// - Parameters:
    ///   - timeout: for each of the two steps: TCP, and the answer to `HELLO`.
    ///   - onPush: called on the event loop, in the order in which the server spoke.
    /// - Throws: `cannotConnect` when there is no server; otherwise what the server answered to
    ///   `HELLO`.
    package static func connect(
        to endpoint: MartletEndpoint,
        hello: Hello,
        on eventLoop: any EventLoop,
        timeout: TimeAmount = .seconds(2),
        logger: Logger,
        onPush: @escaping @Sendable (Push) -> Void = { _ in }
    ) async throws(MartletError) -> WireConnection {
        guard hello.token.utf8.count <= Limits.tokenBytesMax else {
            throw .tokenTooLong(hello.token)
        }
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: eventLoop)
                .connectTimeout(timeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: endpoint.host, port: endpoint.port)
                .get()
        } catch {
            throw .cannotConnect(to: endpoint, error)
        }
        return try await open(
            channel, to: endpoint, hello: hello, timeout: timeout, logger: logger, onPush: onPush)
    }

    /// Says `HELLO` on a channel that is connected.
    static func open(
        _ channel: any Channel,
        to endpoint: MartletEndpoint,
        hello: Hello,
        timeout: TimeAmount,
        logger: Logger,
        onPush: @escaping @Sendable (Push) -> Void
    ) async throws(MartletError) -> WireConnection {
        let eventLoop = channel.eventLoop
        let bound: NIOLoopBound<ConnectionHandler>
        do {
            bound = try await eventLoop.submit {
                let handler = ConnectionHandler(
                    eventLoop: eventLoop, logger: logger, onPush: onPush)
                try channel.pipeline.syncOperations.addHandler(handler)
                return NIOLoopBound(handler, eventLoop: eventLoop)
            }.get()
        } catch {
            // A channel that is closed takes no handler.
            throw .noWelcome(from: endpoint, "the server closed the connection")
        }
        let connection = WireConnection(endpoint: endpoint, channel: channel, bound: bound)
        try await connection.greet(hello, timeout: timeout)
        return connection
    }

    /// What the server said last about the session and its limits.
    package var welcome: Welcome { bound.value.welcome }

    /// Why the connection has ended; nil while it has not.
    package var closeReason: MartletError? { bound.value.closeReason }

    /// Sends a request and waits for its reply.
    ///
    /// Cancelling the task stops the waiting, not what the server does.
    ///
    /// - Parameter deadline: when to stop waiting; the reply is then dropped.
    /// - Throws: what the server answered in place of the reply, or `connectionLost`, `timeout`,
    ///   `cancelled`.
    package func request<Request: Message, Reply: Message>(
        _ request: Request, expecting reply: Reply.Type, deadline: NIODeadline = .distantFuture
    ) async throws(MartletError) -> Reply {
        try await exchange(request, for: reply, kind: .ordinary, deadline: deadline)
    }

    /// Sends a message that wants no reply: its request id is 0.
    package func send(_ message: some Message) {
        bound.value.send(message, id: 0)
    }

    /// Ends the session: the server takes back what it holds. Then closes.
    ///
    /// - Parameter deadline: how long to wait for the server's answer.
    package func leave(deadline: NIODeadline) async {
        do throws(MartletError) {
            _ = try await exchange(Bye(), for: Done.self, kind: .bye, deadline: deadline)
        } catch {
            // The connection is closed next, whatever the server thinks of it.
        }
        close()
    }

    /// Closes without a word: the session keeps its leases for its grace period.
    package func close() {
        bound.value.close(.closed)
    }

    /// Returns when the connection has ended, with the reason.
    package func waitUntilClosed() async -> MartletError {
        do {
            try await channel.closeFuture.get()
        } catch {
            // Why the socket closed is part of the reason below, as far as it is known.
        }
        return bound.value.closeReason ?? .closed
    }

    private func greet(_ hello: Hello, timeout: TimeAmount) async throws(MartletError) {
        do {
            _ = try await exchange(
                hello, for: Welcome.self, kind: .hello, deadline: eventLoop.now + timeout)
        } catch {
            close()
            switch error.code {
            case .timeout:
                throw .noWelcome(
                    from: endpoint,
                    "no answer to HELLO came in time (a gateway has none without its broker)")
            // A server that ends before it greets was not there yet, or not any more.
            case .connectionLost: throw .noWelcome(from: endpoint, error.message)
            default: throw error
            }
        }
    }

    private func exchange<Request: Message, Reply: Message>(
        _ request: Request, for reply: Reply.Type,
        kind: ConnectionMachine<ConnectionHandler.ReplyContinuation>.RequestKind,
        deadline: NIODeadline
    ) async throws(MartletError) -> Reply {
        let id = bound.value.makeRequestID()
        let result = await withTaskCancellationHandler {
            // Capturing the actor keeps this closure on its event loop.
            await withCheckedContinuation { continuation in
                bound.value.request(
                    request, id: id, kind: kind, deadline: deadline, continuation: continuation)
            }
        } onCancel: {
            // Runs on the loop after the request above, even if the task was cancelled before it.
            eventLoop.execute { self.bound.value.cancel(id) }
        }
        return try result.get().decode()
    }
}

extension Frame {
    fileprivate func decode<Reply: Message>() throws(MartletError) -> Reply {
        guard header.opcode == Reply.opcode.rawValue else {
            throw MartletError(
                .protocolViolation,
                "the server answered with opcode \(header.opcode), expected was \(Reply.opcode.name)"
            )
        }
        do throws(WireError) {
            return try Reply(body: body)
        } catch {
            throw .violation(error)
        }
    }
}

extension MartletError {
    static var closed: MartletError {
        MartletError(.connectionLost, "the connection was closed here", isRetryable: true)
    }

    fileprivate static func tokenTooLong(_ token: String) -> MartletError {
        MartletError(
            .notAuthenticated,
            "the token has \(token.utf8.count) bytes, the limit is \(Limits.tokenBytesMax)",
            limit: UInt64(Limits.tokenBytesMax), actual: UInt64(token.utf8.count))
    }

    fileprivate static func noWelcome(
        from endpoint: MartletEndpoint, _ reason: String
    ) -> MartletError {
        MartletError(
            .cannotConnect,
            "cannot reach \(endpoint): connected, but \(reason). Is it a Martlet server?",
            isRetryable: true)
    }
}
