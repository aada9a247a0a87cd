import ArgumentParser
import Foundation
import MartletClient

/// Which server to talk to, and with what right.
struct ServerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server (MARTLET_SERVER; default martlet://127.0.0.1:7410).",
            valueName: "martlet://host:port"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "File that holds the bearer token (MARTLET_TOKEN_FILE).", valueName: "file"))
    var tokenFile: String?

    @OptionGroup var configuration: ConfigurationOptions

    /// The address and token in force.
    func resolve() async throws -> Server {
        try Server(try await settings())
    }

    /// All settings, these options among them.
    func settings(with others: [Settings.Key: String?] = [:]) async throws -> Settings {
        let own: [Settings.Key: String?] = [.server: server, .tokenFile: tokenFile]
        return try await Settings(
            given: own.merging(others) { own, _ in own }, file: configuration.config)
    }
}

/// A server and the token it wants.
struct Server {
    let endpoint: MartletEndpoint
    let token: String?

    init(_ settings: Settings) throws {
        endpoint =
            try settings.string(.server).map { try MartletEndpoint(parsing: $0) }
            ?? .martlet(host: "127.0.0.1")
        token = try settings.string(.tokenFile).map { try TokenFile.read($0) }
    }
}

/// A file that holds bearer tokens, one a line; empty lines and lines that begin with `#` do not
/// count. A client shows the first.
enum TokenFile {
    static func read(_ path: String) throws(CommandFailure) -> String {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw CommandFailure(.failed, "cannot read the token file \(path).")
        }
        let lines = text.split(whereSeparator: \.isNewline).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        guard let token = lines.first(where: { !$0.isEmpty && !$0.hasPrefix("#") }) else {
            throw CommandFailure(.failed, "the token file \(path) holds no token.")
        }
        return token
    }
}
