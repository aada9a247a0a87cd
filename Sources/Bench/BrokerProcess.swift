import FoundationEssentials
import Glibc
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

/// Starts the run's own broker, and again on the same data when it was killed.
actor OwnBroker {
    /// The one that runs.
    private(set) var process: BrokerProcess
    private let launcher: Launcher

    private init(_ process: BrokerProcess, _ launcher: Launcher) {
        self.process = process
        self.launcher = launcher
    }

    /// Starts a broker below `directory`, lends it to `body`, then ends it and removes what it wrote.
    ///
    /// - Throws: `BenchError.brokerFailed` when it does not become ready; whatever `body` throws.
    static func run<Result: Sendable>(
        executable: String, below directory: String,
        _ body: @Sendable (OwnBroker) async throws -> Result
    ) async throws -> Result {
        let data =
            "\(directory)/martlet-bench-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let launcher = Launcher(executable: executable, data: data)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await launcher.serve() }
                    defer { launcher.close() }
                    let broker = OwnBroker(try await launcher.launch(), launcher)
                    let result: Swift.Result<Result, any Error>
                    do { result = .success(try await body(broker)) } catch {
                        result = .failure(error)
                    }
                    await broker.kill()
                    return try result.get()
                })
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: data)
        return try result.get()
    }

    /// Ends the process with SIGKILL and starts another one on its data.
    ///
    /// - Returns: when the new one was ready.
    func killAndRestart() async throws -> BrokerProcess {
        kill()
        let started = try await launcher.launch()
        process = started
        return started
    }

    private func kill() { _ = Glibc.kill(process.processIdentifier, SIGKILL) }
}

/// Runs one process after the other on the same data, each when it is asked for and the one before has ended.
private struct Launcher: Sendable {
    private let executable: String
    private let data: String
    private let orders: AsyncStream<Order>
    private let counter: AsyncStream<Order>.Continuation

    private typealias Order = CheckedContinuation<BrokerProcess, any Error>

    init(executable: String, data: String) {
        self.executable = executable
        self.data = data
        (orders, counter) = AsyncStream.makeStream()
    }

    /// Returns when the process says where it listens.
    func launch() async throws -> BrokerProcess {
        try await withCheckedThrowingContinuation { order in
            if case .terminated = counter.yield(order) {
                order.resume(throwing: BenchError.brokerFailed("the broker is not needed any more"))
            }
        }
    }

    /// No more processes are wanted.
    func close() { counter.finish() }

    /// Runs what is asked for, until `close`.
    func serve() async throws {
        for await order in orders { try await run(order) }
    }

    private func run(_ order: Order) async throws {
        var waiting: Order? = order
        do {
            _ = try await Subprocess.run(
                .path(FilePath(executable)),
                arguments: ["broker", "--data", data, "--listen", "127.0.0.1:0"],
                environment: .inherit.updating(["MARTLET_LOG_LEVEL": "warning"]),
                input: .none, output: .sequence, error: .currentStandardError
            ) { execution in
                for try await line in execution.standardOutput.strings() {
                    guard let (host, port) = BrokerProcess.address(in: line) else { continue }
                    waiting?.resume(
                        returning: BrokerProcess(
                            processIdentifier: Int32(execution.processIdentifier.value),
                            host: host, port: port, dataDirectory: data))
                    waiting = nil
                }
            }
        } catch {
            waiting?.resume(throwing: error)
            waiting = nil
            throw error
        }
        waiting?.resume(
            throwing: BenchError.brokerFailed(
                "the broker ended before it was ready; what it said stands above"))
    }
}
