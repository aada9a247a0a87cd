import FoundationEssentials
import Subprocess
import SystemPackage

/// A broker of the run's own: a child process on a temporary directory and a free port.
struct BrokerProcess: Sendable {
    let processIdentifier: Int32
    let host: String
    let port: Int
    let dataDirectory: String

    func footprint() throws -> BrokerFootprint {
        try BrokerFootprint.measure(
            processIdentifier: processIdentifier, dataDirectory: dataDirectory)
    }

    /// Starts a broker below `directory`, lends it to `body`, then ends it and removes what it wrote.
    ///
    /// - Throws: `BenchError.brokerFailed` when it does not become ready; whatever `body` throws.
    static func run<Result: Sendable>(
        executable: String, below directory: String,
        _ body: sending (BrokerProcess) async throws -> Result
    ) async throws -> Result {
        let data =
            "\(directory)/martlet-bench-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await spawn(executable, data, body))
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: data)
        return try result.get()
    }

    private static func spawn<Result: Sendable>(
        _ executable: String, _ data: String,
        _ body: sending (BrokerProcess) async throws -> Result
    ) async throws -> Result {
        let outcome = try await Subprocess.run(
            .path(FilePath(executable)),
            arguments: ["broker", "--data", data, "--listen", "127.0.0.1:0"],
            environment: .inherit.updating(["MARTLET_LOG_LEVEL": "warning"]),
            input: .none, output: .sequence, error: .currentStandardError
        ) { execution in
            let result: Swift.Result<Result, any Error>
            do {
                let (host, port) = try await address(in: execution.standardOutput.strings())
                let broker = BrokerProcess(
                    processIdentifier: Int32(execution.processIdentifier.value), host: host,
                    port: port, dataDirectory: data)
                result = .success(try await body(broker))
            } catch {
                result = .failure(error)
            }
            try execution.send(signal: .kill)
            return result
        }
        return try outcome.closureResult.get()
    }

    /// Reads lines until one says where the broker listens.
    private static func address<Lines: AsyncSequence>(
        in lines: Lines
    ) async throws -> (host: String, port: Int) where Lines.Element == String {
        for try await line in lines {
            if let address = address(in: line) { return address }
        }
        throw BenchError.brokerFailed(
            "the broker ended before it was ready; what it said stands above")
    }

    /// `martlet://HOST:PORT` anywhere in a line.
    static func address(in line: String) -> (host: String, port: Int)? {
        guard let scheme = line.firstRange(of: "martlet://") else { return nil }
        let authority = line[scheme.upperBound...].prefix { !$0.isWhitespace && $0 != "/" }
        guard let colon = authority.lastIndex(of: ":"),
            let port = Int(authority[authority.index(after: colon)...])
        else { return nil }
        let host = authority[..<colon].drop { $0 == "[" }.prefix { $0 != "]" }
        return (String(host), port)
    }
}
