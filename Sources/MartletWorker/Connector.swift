import Logging
import MartletClient
import MartletWire
import NIOCore

/// Keeps a connection: connects, waits until it ends, connects again, in the same session.
struct Connector: Sendable {
    let endpoint: MartletEndpoint
    let configuration: MartletWorker.Configuration
    let eventLoop: any EventLoop
    let logger: Logger
    let mailbox: Mailbox<WorkerEvent>

    /// Until its task is cancelled, or the server says that it is no use.
    func run() async {
        var session: (id: UInt64, secret: UInt64) = (0, 0)
        var backoff = configuration.reconnectBackoff
        var mayGiveUp = !configuration.waitsForServer
        var isWaiting = false
        while !Task.isCancelled {
            do throws(MartletError) {
                let connection = try await connect(session)
                let welcome = await connection.welcome
                session = (welcome.session, welcome.secret)
                (mayGiveUp, isWaiting) = (false, false)
                backoff.reset()
                let reason = await stay(on: connection, welcome)
                if reason.code.rawValue == ErrorCode.sessionTaken.rawValue { session = (0, 0) }
            } catch {
                if mayGiveUp || !error.isRetryable { return mailbox.post(.stop(error)) }
                // Once; that it goes on like this is no news.
                logger.log(
                    level: isWaiting ? .debug : .info, "waiting for the server",
                    metadata: ["reason": "\(error.message)"])
                isWaiting = true
            }
            await pause(&backoff)
        }
    }

    /// - Returns: why the connection ended.
    private func stay(on connection: WireConnection, _ welcome: Welcome) async -> MartletError {
        logger.info(
            "connected",
            metadata: ["server": "\(endpoint)", "session_resumed": "\(welcome.isResumed)"])
        mailbox.post(.connected(connection, welcome))
        let reason = await connection.waitUntilClosed()
        mailbox.post(.disconnected)
        logger.info("connection ended", metadata: ["reason": "\(reason.message)"])
        return reason
    }

    private func connect(
        _ session: (id: UInt64, secret: UInt64)
    ) async throws(MartletError) -> WireConnection {
        let mailbox = mailbox
        return try await WireConnection.connect(
            to: endpoint, hello: configuration.hello(session), on: eventLoop,
            timeout: TimeAmount(configuration.connectTimeout), logger: logger,
            onPush: { mailbox.post(.pushed($0)) })
    }

    private func pause(_ backoff: inout Backoff) async {
        do {
            try await Task.sleep(for: backoff.next())
        } catch {
            // Cancelled: the loop above looks at that.
        }
    }
}
