import Foundation

/// A running `martlet`, or another program. Ends with this object at the latest.
///
/// `@unchecked Sendable`: `process` is used by one thread at a time, whoever runs the test; streams
/// lock themselves.
final class ChildProcess: @unchecked Sendable {
    let output = ByteStream()
    let errors = ByteStream()
    private let process = Process()
    private let input = Pipe()
    private let ended = DispatchSemaphore(value: 0)

    init(
        _ arguments: [String], program: String = Program.path, environment: [String: String] = [:]
    ) throws {
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = Program.environment(environment)
        process.standardInput = input
        process.standardOutput = output.pipe
        process.standardError = errors.pipe
        process.terminationHandler = { [ended] _ in ended.signal() }
        try process.run()
        output.start()
        errors.start()
    }

    deinit {
        if process.isRunning { send(SIGKILL) }
    }

    var identifier: Int32 { process.processIdentifier }

    /// Exit status; for a process that a signal ended, the signal's number and 128 as in a shell.
    var status: Int32 {
        process.terminationReason == .exit
            ? process.terminationStatus : 128 + process.terminationStatus
    }

    func send(_ signal: Int32) {
        Foundation.kill(process.processIdentifier, signal)
    }

    /// Writes to its standard input and ends that.
    func feed(_ bytes: [UInt8]) {
        do {
            try input.fileHandleForWriting.write(contentsOf: bytes)
        } catch {
            // It need not read what it is given.
        }
        closeInput()
    }

    func write(_ text: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Array(text.utf8))
    }

    func closeInput() {
        do {
            try input.fileHandleForWriting.close()
        } catch {
            // Closed before.
        }
    }

    /// Blocks until it has ended and its streams have; kills it when `patience` is over.
    func waitUntilExit(patience: TimeInterval = 30) {
        if ended.wait(timeout: .now() + patience) == .timedOut {
            send(SIGKILL)
            ended.wait()
        }
        output.waitForEnd()
        errors.waitForEnd()
        ended.signal()
    }

    /// Kills it as a power cut would, and blocks until it is gone.
    func killAndWait() {
        send(SIGKILL)
        waitUntilExit()
    }
}

/// What a process writes, gathered by a thread.
///
/// `@unchecked Sendable`: `gathered` and `isEnded` belong to whoever holds `condition`.
final class ByteStream: @unchecked Sendable {
    let pipe = Pipe()
    private let condition = NSCondition()
    private var gathered: [UInt8] = []
    private var isEnded = false

    func start() {
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread { [self] in
            while true {
                let data = handle.availableData
                condition.withLock {
                    gathered += data
                    isEnded = data.isEmpty
                    condition.broadcast()
                }
                if data.isEmpty { return }
            }
        }
    }

    func bytes() -> [UInt8] { condition.withLock { gathered } }

    /// Blocks until the writer has closed its end.
    func waitForEnd() {
        condition.withLock {
            while !isEnded { condition.wait() }
        }
    }

    /// Blocks until a whole line has `text` in it, and returns that line.
    func line(containing text: String, patience: TimeInterval = 30) throws -> String {
        let deadline = Date(timeIntervalSinceNow: patience)
        return try condition.withLock {
            while true {
                let all = String(decoding: gathered, as: UTF8.self)
                let whole = all.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                if let line = whole.first(where: { $0.contains(text) }) { return String(line) }
                guard !isEnded, condition.wait(until: deadline) else {
                    throw TestFailure("no line with \"\(text)\" came, only: \(all)")
                }
            }
        }
    }
}
