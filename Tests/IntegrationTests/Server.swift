import Foundation

/// A broker, a gateway, or both in one: a process that has said where it listens.
final class Server: Sendable {
    let process: ChildProcess
    let host = "127.0.0.1"
    let port: UInt16
    /// Of HTTP; 0 when it serves none.
    let httpPort: UInt16

    var address: String { "martlet://\(host):\(port)" }

    private init(_ arguments: [String], environment: [String: String] = [:]) throws {
        process = try ChildProcess(arguments, environment: environment)
        let line: String
        do {
            line = try process.output.line(containing: " ready ")
        } catch {
            process.killAndWait()
            throw TestFailure("\(error), \(process.saidOnErrors)")
        }
        port = try Self.port(in: line, after: "martlet://")
        httpPort = line.contains("http://") ? try Self.port(in: line, after: "http://") : 0
    }

    /// - Parameter port: 0: any free one. Another: that of an earlier server that this one is to
    ///   replace.
    static func broker(
        data: String, port: UInt16 = 0, environment: [String: String] = [:], _ more: String...
    ) async throws -> Server {
        let arguments = ["broker", "--data", data, "--listen", "127.0.0.1:\(port)"] + more
        return try await blocking { try Server(arguments, environment: environment) }
    }

    static func gateway(
        broker: Server, port: UInt16 = 0, _ more: String...
    ) async throws -> Server {
        let arguments =
            [
                "gateway", "--broker", "127.0.0.1:\(broker.port)", "--listen", "127.0.0.1:\(port)",
                "--http", "127.0.0.1:0",
            ] + more
        return try await blocking { try Server(arguments) }
    }

    static func serve(data: String, _ more: String...) async throws -> Server {
        let arguments =
            ["serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"] + more
        return try await blocking { try Server(arguments) }
    }

    /// Every TCP port that the process listens on, from what the kernel says of its sockets.
    func listeningPorts() throws -> Set<UInt16> {
        let descriptors = "/proc/\(process.identifier)/fd"
        let files = FileManager.default
        let sockets = try files.contentsOfDirectory(atPath: descriptors).compactMap { name in
            try? files.destinationOfSymbolicLink(atPath: "\(descriptors)/\(name)")
        }
        // The file says that it is empty: what reads by its length gets the beginning.
        let file = try FileHandle(forReadingFrom: URL(filePath: "/proc/net/tcp"))
        let table = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        let ports = table.split(separator: "\n").dropFirst().compactMap { line -> UInt16? in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", sockets.contains("socket:[\(fields[9])]")
            else { return nil }
            return fields[1].split(separator: ":").last.flatMap { UInt16($0, radix: 16) }
        }
        return Set(ports)
    }

    func kill() async throws {
        try await blocking { [process] in process.killAndWait() }
    }

    /// Asks it to end, and returns its exit status.
    func stop() async throws -> Int32 {
        try await blocking { [process] in
            process.send(SIGTERM)
            process.waitUntilExit()
            return process.status
        }
    }

    /// Runs a command that talks to this server.
    func martlet(
        _ arguments: String..., input: [UInt8] = [], patience: TimeInterval = 30
    ) async throws -> Program.Outcome {
        try await Program.run(
            arguments, input: input, environment: ["MARTLET_SERVER": address], patience: patience)
    }

    func worker(queue: String, exec: String, _ more: String...) throws -> ChildProcess {
        try ChildProcess(
            ["worker", "--queue", queue, "--exec", exec, "--server", address] + more)
    }

    private static func port(in line: String, after scheme: String) throws -> UInt16 {
        guard let start = line.firstRange(of: scheme)?.upperBound,
            let port = UInt16(
                line[start...].prefix { $0 != " " }.split(separator: ":").last ?? "")
        else { throw TestFailure("no \(scheme) in: \(line)") }
        return port
    }
}

extension Server {
    /// Asks until the queue has that many ready jobs; each answer is the state of its moment, so
    /// that asking again is waiting.
    func waitForJobs(in queue: String, ready: UInt64, patience: TimeInterval = 30) async throws {
        let port = port
        try await blocking {
            let connection = try RawConnection(port: port)
            _ = try connection.hello()
            let deadline = Date(timeIntervalSinceNow: patience)
            while Date.now < deadline {
                do {
                    if try connection.counts(of: queue).ready == ready { return }
                } catch is RawConnection.ErrorReply {
                    // The queue is not there yet.
                }
            }
            throw TestFailure("queue \(queue) does not come to have \(ready) ready jobs")
        }
    }
}
