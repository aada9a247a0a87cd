import Foundation
import Glibc
import Synchronization

/// A running `martlet`, or another program, with a pipe to it and two from it. Ends with this object at the
/// latest.
final class ChildProcess: Sendable {
    let output = ByteStream()
    let errors = ByteStream()
    private let process: SpawnedProcess
    /// Our end of its standard input; nil when closed.
    private let input: Mutex<Int32?>

    init(
        _ arguments: [String], program: String = Program.path, environment: [String: String] = [:]
    ) throws {
        let (input, output, errors) = (try Pipe(), try Pipe(), try Pipe())
        defer { for end in [input.reading, output.writing, errors.writing] { close(end) } }
        self.input = Mutex(input.writing)
        self.output.start(output.reading)
        self.errors.start(errors.reading)
        process = try SpawnedProcess(
            program, arguments, environment: Program.environment(environment),
            .init(input: input.reading, output: output.writing, errors: errors.writing))
    }

    deinit {
        send(SIGKILL)
        closeInput()
    }

    var identifier: Int32 { process.identifier }

    /// Exit status, -1 while it runs; for a process that a signal ended, the signal's number and 128 as in
    /// a shell.
    var status: Int32 { process.status ?? -1 }

    /// What it has written to its standard error so far.
    var saidOnErrors: String { String(decoding: errors.bytes(), as: UTF8.self) }

    func send(_ signal: Int32) { process.send(signal) }

    /// Writes to its standard input and ends that.
    func feed(_ bytes: [UInt8]) {
        do {
            try write(bytes)
        } catch {
            // It need not read what it is given.
        }
        closeInput()
    }

    func write(_ text: String) throws { try write(Array(text.utf8)) }

    private func write(_ bytes: [UInt8]) throws {
        try input.withLock { input in
            var rest = bytes[...]
            while let input, !rest.isEmpty {
                let count = Glibc.write(input, Array(rest), rest.count)
                guard count > 0 || errno == EINTR else { throw TestFailure("errno \(errno)") }
                rest = rest.dropFirst(max(0, count))
            }
        }
    }

    func closeInput() {
        input.withLock { input in
            if let input { close(input) }
            input = nil
        }
    }

    /// Blocks until it has ended and its streams have; kills it when `patience` is over.
    func waitUntilExit(patience: TimeInterval = 30) {
        process.waitUntilExit(patience: patience)
        output.waitForEnd()
        errors.waitForEnd()
    }

    /// Kills it as a power cut would, and blocks until it is gone.
    func killAndWait() {
        send(SIGKILL)
        waitUntilExit()
    }
}

/// Both ends of a pipe, of which no process that is started inherits any unasked.
private struct Pipe {
    let reading: Int32
    let writing: Int32

    /// Writing to a process that has gone is an error like others, not this process's end.
    private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    init() throws {
        Self.brokenPipesAreErrors
        (reading, writing) = try SpawnedProcess.withoutSpawning {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw TestFailure("no pipe: errno \(errno)") }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return (ends[0], ends[1])
        }
    }
}
