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
        while !Task.isCancelled {
            do throws(MartletError) {
                let connection = try await connect(session)
                let welcome = await connection.welcome
                session = (welcome.session, welcome.secret)
                mayGiveUp = false
                backoff.reset()
                mailbox.post(.connected(connection, welcome))
                let reason = await connection.waitUntilClosed()
                mailbox.post(.disconnected)
                if reason.code.rawValue == ErrorCode.sessionTaken.rawValue { session = (0, 0) }
                logger.info("connection lost", metadata: ["reason": "\(reason)"])
            } catch {
                if mayGiveUp || !error.isRetryable { return mailbox.post(.stop(error)) }
                logger.info("cannot connect", metadata: ["reason": "\(error)"])
            }
            await pause(&backoff)
        }
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
