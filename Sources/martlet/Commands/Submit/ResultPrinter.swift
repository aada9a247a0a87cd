import MartletClient
import MartletWire

/// Waits for jobs, many at a time, and prints their results in order, each as soon as all before it
/// are printed.
struct ResultPrinter {
    private let client: MartletClient
    private let expected: ExpectedJobs
    /// When waiting is given up; `nil`: never.
    private let end: ContinuousClock.Instant?

    private static let concurrentWaits = 256

    private var status = ExitStatus.ok
    private var started = 0
    private var printed = 0
    /// Outcomes that came before those of older jobs.
    private var early: [Int: Outcome] = [:]

    private init(client: MartletClient, expected: ExpectedJobs, end: ContinuousClock.Instant?) {
        self.client = client
        self.expected = expected
        self.end = end
    }

    /// Prints the results of what `submit` submits meanwhile. When that fails, what it had
    /// submitted is still to be heard of; when the time for waiting is over, it is cancelled.
    ///
    /// - Returns: how the program is to end: `jobFailed` when one of the jobs did.
    static func print(
        _ submission: Submission, until end: ContinuousClock.Instant?,
        while submit: @escaping @Sendable () async throws -> Void
    ) async throws -> ExitStatus {
        let expected = submission.expected
        let client = submission.client
        return try await withThrowingTaskGroup(of: Result<ExitStatus, any Error>.self) { group in
            group.addTask {
                var printer = ResultPrinter(client: client, expected: expected, end: end)
                do {
                    return .success(try await printer.run())
                } catch {
                    await expected.end()
                    throw error
                }
            }
            group.addTask {
                let submitted: Result<ExitStatus, any Error>
                do {
                    try await submit()
                    submitted = .success(.ok)
                } catch {
                    submitted = .failure(error)
                }
                await expected.end()
                return submitted
            }
            var status = ExitStatus.ok
            var failure: (any Error)?
            for try await part in group {
                switch part {
                case .success(.ok): break
                case .success(let ended): status = ended
                case .failure(let error): failure = error
                }
            }
            if let failure { throw failure }
            return status
        }
    }

    private mutating func run() async throws -> ExitStatus {
        let (client, expected, end) = (client, expected, end)
        try await withThrowingTaskGroup(of: Event.self) { group in
            group.addTask { .expected(await expected.next()) }
            var isAsking = true
            var hasMore = true
            while let event = try await group.next() {
                switch event {
                case .expected(let id):
                    isAsking = false
                    hasMore = id != nil
                    if let id {
                        let index = started
                        started += 1
                        group.addTask {
                            .ended(index, try await Outcome.of(id, from: client, until: end))
                        }
                    }
                case .ended(let index, let outcome):
                    early[index] = outcome
                    printInOrder()
                }
                if hasMore, !isAsking, started - printed < Self.concurrentWaits {
                    isAsking = true
                    group.addTask { .expected(await expected.next()) }
                }
            }
        }
        return status
    }

    private mutating func printInOrder() {
        while let outcome = early.removeValue(forKey: printed) {
            printed += 1
            switch outcome {
            case .result(let bytes):
                let newline = UInt8(ascii: "\n")
                StandardOutput.write(bytes.last == newline ? bytes : bytes + [newline])
            case .failure(let failure):
                if let message = failure.message { StandardError.complain(message) }
                status = failure.status
            }
        }
    }

    private enum Event: Sendable {
        case expected(JobStatus.ID?)
        case ended(Int, Outcome)
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
