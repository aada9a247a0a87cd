import Foundation
import Logging
import MartletClient

/// The client of a command: it either reaches the server now, or the command says why not.
enum ServerClient {
    /// Each of the two steps, TCP and `HELLO`, may take this long: a server that is not there is
    /// known within two seconds.
    private static let patience = Duration.milliseconds(1900)

    /// Runs a command that holds nothing which needs cleaning up: an interrupt ends the program at
    /// once.
    static func with<Result: Sendable>(
        _ options: ServerOptions, _ body: (MartletClient) async throws -> Result
    ) async throws -> Result {
        Interruption.endsProgram()
        return try await with(try await options.resolve(), body)
    }

    static func with<Result: Sendable>(
        _ server: Server, _ body: (MartletClient) async throws -> Result
    ) async throws -> Result {
        var configuration = MartletClient.Configuration()
        configuration.name = "martlet/\(Martlet.version)"
        configuration.token = server.token
        configuration.connectTimeout = patience
        configuration.waitsForServer = false
        return try await MartletClient.with(
            server.endpoint, configuration: configuration,
            logger: Logger(label: "martlet") { _ in SwiftLogNoOpLogHandler() }, body)
    }
}
