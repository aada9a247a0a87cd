import Foundation
import MartletClient
import Subprocess
import SystemPackage

/// A broker, a gateway and two workers, each a process of its own.
struct DemoCluster: Sendable {
    let gateway: MartletEndpoint
    /// The worker that will be killed; the other one is left to finish.
    let victim: DemoProcess

    static let queue = "demo"

    /// Starts the processes, lends them to `body`, then ends them, however `body` ends.
    static func with<Result: Sendable>(
        data: String, _ body: @escaping @Sendable (DemoCluster) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            defer { group.cancelAll() }
            let broker = try await DemoProcess.start(
                ["broker", "--data", data, "--listen", "127.0.0.1:0", "--grace", "2s"],
                named: "broker", in: &group)
            let gateway = try await DemoProcess.start(
                [
                    "gateway", "--broker", try broker.address(), "--listen", "127.0.0.1:0",
                    "--http", "127.0.0.1:0",
                ], named: "gateway", in: &group)
            let server = "martlet://\(try gateway.address())"
            let work = ["worker", "--queue", queue, "--exec", "sha256sum", "--server", server]
            _ = try await DemoProcess.start(work, named: "worker 1", in: &group, temporary: data)
            let victim = try await DemoProcess.start(
                work, named: "worker 2", in: &group, temporary: data)
            let cluster = DemoCluster(
                gateway: try MartletEndpoint(parsing: server), victim: victim)
            group.addTask { try await body(cluster) }
            // A process that ends early says so by throwing.
            while let result = try await group.next() {
                if let result { return result }
            }
            preconditionFailure("the body returns or throws")
        }
    }
}

/// A process of this program.
struct DemoProcess: Sendable {
    let processIdentifier: Int32
    /// The line by which it said that it is ready; empty for a worker, which has nothing to say.
    let readyLine: String

    /// `HOST:PORT` out of the ready line.
    func address() throws(CommandFailure) -> String {
        guard let scheme = readyLine.firstRange(of: "martlet://") else {
            throw CommandFailure(.failed, "a process did not say where it listens: \(readyLine)")
        }
        return String(readyLine[scheme.upperBound...].prefix { !$0.isWhitespace })
    }

    /// Kills it as a power cut would.
    func kill() {
        _ = Foundation.kill(processIdentifier, SIGKILL)
    }

    /// Starts a process that lasts as long as its task in `group`; returns once it is ready.
    /// - Parameter temporary: where it puts its temporary files: one that is killed leaves them.
    static func start<Result: Sendable>(
        _ arguments: [String], named name: String,
        in group: inout ThrowingTaskGroup<Result?, any Error>, temporary: String? = nil
    ) async throws -> DemoProcess {
        let (ready, said) = AsyncStream.makeStream(of: DemoProcess.self)
        group.addTask {
            defer { said.finish() }
            try await run(arguments, named: name, temporary, said)
            return nil
        }
        for await process in ready { return process }
        throw CommandFailure(.failed, "the demo's \(name) ended before it was ready.")
    }

    private static func run(
        _ arguments: [String], named name: String, _ temporary: String?,
        _ said: AsyncStream<DemoProcess>.Continuation
    ) async throws {
        let isWorker = arguments[0] == "worker"
        let outcome = try await Subprocess.run(
            configuration(arguments, temporary), input: .none, output: .sequence,
            error: .currentStandardError
        ) { execution in
            let identifier = Int32(execution.processIdentifier.value)
            if isWorker {
                said.yield(DemoProcess(processIdentifier: identifier, readyLine: ""))
            }
            for try await line in execution.standardOutput.strings() {
                said.yield(DemoProcess(processIdentifier: identifier, readyLine: line))
            }
        }
        if case .exited(let status) = outcome.terminationStatus, !Task.isCancelled {
            throw CommandFailure(.failed, "the demo's \(name) ended early, with status \(status).")
        }
    }

    /// Nothing that is set for other servers and workers may reach these. Ctrl-C is for the demo
    /// alone: it ends them.
    private static func configuration(
        _ arguments: [String], _ temporary: String?
    ) -> Subprocess.Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        var inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MARTLET_") }
        if let temporary { inherited["TMPDIR"] = temporary }
        return Subprocess.Configuration(
            executable: .path(FilePath(OwnProgram.path)), arguments: Arguments(arguments),
            environment: .custom(
                Dictionary(
                    uniqueKeysWithValues: inherited.map {
                        (Environment.Key(stringLiteral: $0.key), $0.value)
                    })),
            platformOptions: options)
    }
}
