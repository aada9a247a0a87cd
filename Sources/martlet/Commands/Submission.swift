import MartletClient
import MartletWire
import NIOCore

/// Jobs on their way: submitted batch by batch, their ids or results printed in the order of the input.
struct Submission {
    let client: MartletClient
    let queue: String
    let type: String
    let options: JobOptions
    let output: Output
    /// When waiting is given up; `nil`: never.
    let end: ContinuousClock.Instant?

    /// Jobs whose results are not printed yet, oldest first.
    private var unfinished: [JobStatus.ID] = []
    private var status = ExitStatus.ok

    /// Results that are waited for at a time; beyond it, the oldest are printed before more is read.
    private static let window = 4 * Limits.batchMax
    /// Waits under way at a time.
    private static let concurrentWaits = 256

    init(
        client: MartletClient, queue: String, type: String, options: JobOptions, output: Output,
        end: ContinuousClock.Instant?
    ) {
        self.client = client
        self.queue = queue
        self.type = type
        self.options = options
        self.output = output
        self.end = end
    }

    mutating func submit(_ payloads: [ByteBuffer]) async throws {
        let jobs = try await client.push(
            payloads: payloads, type: type, queue: queue, options: options)
        switch output {
        case .ids: StandardOutput.write(Array(jobs.map { "\($0.id)\n" }.joined().utf8))
        case .objects: StandardOutput.write(Array(jobs.map { json($0.id) + "\n" }.joined().utf8))
        case .results: try await expect(jobs.map(\.id))
        }
    }

    private mutating func expect(_ ids: [JobStatus.ID]) async throws {
        unfinished += ids
        if unfinished.count > Self.window {
            try await printResults(of: unfinished.count - Self.window)
        }
    }

    private func json(_ id: JobStatus.ID) -> String {
        SubmissionJSON(id: id, queue: queue, type: type).object.text
    }

    /// Prints what is left.
    /// - Returns: how the program is to end: `jobFailed` when one of the jobs did.
    mutating func finish() async throws -> ExitStatus {
        try await printResults(of: unfinished.count)
        return status
    }

    /// Waits for the oldest `count` jobs and prints their results in order, each as soon as those before it are printed.
    private mutating func printResults(of count: Int) async throws {
        guard count > 0 else { return }
        let jobs = unfinished.prefix(count)
        unfinished.removeFirst(count)
        let client = client
        let end = end
        try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            var waiting = jobs.enumerated().makeIterator()
            func waitForNext() {
                guard let (index, id) = waiting.next() else { return }
                group.addTask { (index, try await Outcome.of(id, from: client, until: end)) }
            }
            for _ in 0..<Self.concurrentWaits { waitForNext() }
            var early: [Int: Outcome] = [:]
            var next = 0
            while let (index, outcome) = try await group.next() {
                early[index] = outcome
                waitForNext()
                while let outcome = early.removeValue(forKey: next) {
                    show(outcome)
                    next += 1
                }
            }
        }
    }

    private mutating func show(_ outcome: Outcome) {
        switch outcome {
        case .result(var bytes):
            let newline = UInt8(ascii: "\n")
            if bytes.last != newline { bytes.append(newline) }
            StandardOutput.write(bytes)
        case .failure(let failure):
            if let message = failure.message { StandardError.complain(message) }
            status = failure.status
        }
    }

    /// What is printed for each job.
    enum Output {
        case ids, objects, results
    }

    private enum Outcome: Sendable {
        case result([UInt8])
        case failure(CommandFailure)

        static func of(
            _ id: JobStatus.ID, from client: MartletClient, until end: ContinuousClock.Instant?
        ) async throws -> Outcome {
            do throws(MartletError) {
                let info = try await client.finishedInfo(
                    of: id, parts: .result, timeout: end.map { $0 - .now })
                if let failure = info.failure { return .failure(failure) }
                return .result(try await client.resultBytes(of: info))
            } catch {
                guard error.code == .waitTimeout else { throw error }
                throw CommandFailure(.waitTimedOut, "job \(id) was not finished in time.")
            }
        }
    }
}
