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
            a newline.

            Examples:
              echo "hello" | martlet submit greetings --wait
              martlet submit images --type thumbnail --payload-file in.png --max-attempts 3
              find . -name '*.png' | martlet submit images --lines --retain-completed 1d
            """)

    @Argument(
        help: ArgumentHelp(
            "Queue: 1 to 128 of A–Z a–z 0–9 . _ - : (made by its first job).", valueName: "queue"))
    var queue: String

    @Argument(help: ArgumentHelp("- for standard input.", valueName: "-"))
    var source: String?

    @Option(
        help: ArgumentHelp(
            "What kind of job it is, for the worker (default: default).", valueName: "type"))
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
        help: ArgumentHelp("Give up waiting after this time (30, 500ms, 5m).", valueName: "seconds")
    )
    var timeout: TimeSpan?

    @OptionGroup var job: JobOptionArguments
    @OptionGroup var server: ServerOptions

    func validate() throws {
        if let source, source != "-" {
            throw ValidationError(
                "unexpected argument '\(source)'. A payload is given with --payload.")
        }
        let sources = [payload != nil, payloadFile != nil, source != nil].count(where: \.self)
        guard sources <= 1 else {
            throw ValidationError("--payload, --payload-file and - exclude each other.")
        }
        if lines, payload != nil {
            throw ValidationError("--lines reads standard input or --payload-file, not --payload.")
        }
        guard timeout == nil || wait else { throw ValidationError("--timeout goes with --wait.") }
        guard !(json && wait) else {
            throw ValidationError(
                "--json shows what was submitted; --wait prints results as they are.")
        }
        if wait, job.retainCompleted?.milliseconds == 0 {
            throw ValidationError(
                "--wait needs results to be kept: --retain-completed must not be 0.")
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
                client: client, queue: queue, type: type, options: job.options,
                output: wait ? .results : json ? .objects : .ids)
            guard wait else {
                try await submission.submit(input, lines: lines)
                return ExitStatus.ok
            }
            return try await ResultPrinter.print(
                submission, until: timeout.map { ContinuousClock.now + $0.duration }
            ) { [lines] in
                try await submission.submit(input, lines: lines)
            }
        }
        if status != .ok { throw CommandFailure(status, nil) }
    }
}

/// Options that travel with a job.
struct JobOptionArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Failures until the job is dead, 1 … 1000 (default 20).", valueName: "count"))
    var maxAttempts: Int?

    @Option(
        help: ArgumentHelp(
            "Wait after a failure: at random up to base, which doubles each time to at most cap (default 1s,1h).",
            valueName: "base,cap"))
    var backoff: BackoffSpan?

    @Option(
        help: ArgumentHelp(
            "How long to keep a completed job, up to 365d (default 1h).", valueName: "time"))
    var retainCompleted: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "How long to keep a dead job, up to 365d (default 7d).", valueName: "time"))
    var retainDead: TimeSpan?

    func validate() throws {
        if let maxAttempts, !(1...1000).contains(maxAttempts) {
            throw ValidationError("--max-attempts is \(maxAttempts); it can be 1 to 1000.")
        }
    }

    var options: JobOptions {
        JobOptions(
            maxAttempts: maxAttempts,
            backoff: backoff.map { .init(base: $0.base.duration, cap: $0.cap.duration) },
            retainCompleted: retainCompleted?.duration,
            retainDead: retainDead?.duration)
    }
}
