import ArgumentParser
import Foundation
import MartletClient
import MartletWire
import NIOCore

/// `martlet submit`: hands jobs to the server, and waits for their results if asked to.
struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit a job, or a job for each line.",
        discussion: """
            The payload is --payload, --payload-file, or else standard input when that is
            not a terminal (- says so). Prints each job's id when the server has the job
            on disk, or with --wait each job's result, in the order of the input, ended by
            a newline. With --wait, --timeout also ends the waiting (exit 3), unless
            --wait-timeout says something else.

            Examples:
              echo "hello" | martlet submit greetings --wait
              martlet submit images --type thumbnail --payload-file in.png --max-attempts 3
              martlet submit mail --payload 17 --unique welcome-17 --unique-scope 24h
              martlet submit reports --payload q3 --run-at 2026-11-22T10:00:00Z
              find . -name '*.png' | martlet submit images --lines --tag nightly
            """)

    @Argument(
        help: ArgumentHelp(
            "Queue: 1 to 128 of A–Z a–z 0–9 . _ - : (made by its first job).", valueName: "queue"))
    var queue: String

    @Argument(help: ArgumentHelp("- for standard input.", valueName: "-"))
    var source: String?

    @Option(
        help: ArgumentHelp(
            "What kind of job it is, for the worker.", valueName: "type"))
    var type: String = "default"

    @Option(help: ArgumentHelp("The payload itself.", valueName: "text"))
    var payload: String?

    @Option(help: ArgumentHelp("The payload is this file's contents.", valueName: "file"))
    var payloadFile: String?

    @Flag(
        help: "Each line of the input, without its newline, is a job; sent in batches as they come."
    )
    var lines = false

    @Flag(help: "Wait for the results and print them in place of the ids.")
    var wait = false

    @Flag(help: "One JSON object in place of an id, a line each.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Give up waiting after this time (30, 500ms, 5m; default: --timeout).",
            valueName: "time"))
    var waitTimeout: TimeSpan?

    @Flag(help: "With --lines: all jobs or none, at most \(Limits.batchMax).")
    var atomic = false

    @OptionGroup(title: "The job") var urgency: UrgencyOptions
    @OptionGroup(title: "The job") var due: DueOptions
    @OptionGroup(title: "The job") var attempts: AttemptOptions
    @OptionGroup(title: "The job") var unique: UniqueOptions
    @OptionGroup(title: "The job") var words: WordOptions

    @Option(
        help: ArgumentHelp(
            "When the id is printed: the job is on disk, or in the server's memory.",
            valueName: "disk|memory"))
    var durability: DurabilityArgument = .disk

    @OptionGroup var server: ServerOptions

    func validate() throws {
        try PayloadInput.check(text: payload, file: payloadFile, source: source)
        if lines, payload != nil {
            throw ValidationError("--lines reads standard input or --payload-file, not --payload.")
        }
        guard !atomic || lines else { throw ValidationError("--atomic goes with --lines.") }
        try options.validate()
        guard waitTimeout == nil || wait else {
            throw ValidationError("--wait-timeout goes with --wait.")
        }
        guard !(json && wait) else {
            throw ValidationError(
                "--json shows what was submitted; --wait prints results as they are.")
        }
        if wait, options.retainCompleted == .zero {
            throw ValidationError(
                "--wait needs results to be kept: --retain must not be 0 for completed jobs.")
        }
        if payload == nil, payloadFile == nil, source == nil, PayloadInput.standardInputIsTerminal {
            throw ValidationError(
                "no payload: give --payload, --payload-file, or something on standard input.")
        }
    }

    func run() async throws {
        let input = try PayloadInput(text: payload, file: payloadFile)
        let status = try await ServerClient.with(server) { client in
            let submission = Submission(
                client: client, queue: queue, type: type, options: options,
                output: wait ? .results : json ? .objects : .ids)
            guard wait else {
                try await submit(input, with: submission)
                return ExitStatus.ok
            }
            let end = (waitTimeout ?? urgency.timeout).map { ContinuousClock.now + $0.duration }
            return try await ResultPrinter.print(submission, until: end) { [self] in
                try await submit(input, with: submission)
            }
        }
        if status != .ok { throw CommandFailure(status, nil) }
    }

    private func submit(_ input: PayloadInput, with submission: Submission) async throws {
        switch (lines, atomic) {
        case (false, _): try await submission.submitWhole(input)
        case (true, false): try await submission.submitLines(of: input)
        case (true, true): try await submission.submitAllLines(of: input)
        }
    }

    private var options: JobOptions {
        var options = JobOptions(durability: durability.durability)
        urgency.apply(to: &options)
        due.apply(to: &options)
        attempts.apply(to: &options)
        unique.apply(to: &options)
        words.apply(to: &options)
        return options
    }
}

enum DurabilityArgument: String, ExpressibleByArgument, CaseIterable {
    case disk, memory

    var durability: JobOptions.Durability {
        switch self {
        case .disk: .disk
        case .memory: .memory
        }
    }
}
