import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job result`: a completed job's result, as it is.
struct JobResult: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result",
        abstract: "Write a completed job's result to standard output.",
        discussion: """
            Exits with 6 when the job is not finished (see --wait), with 7 when it ended
            in failure.

            Example:
              martlet job result 0000000k5m2q --wait > thumbnail.png
            """)

    @Argument(help: ArgumentHelp("Id of a job.", valueName: "id"))
    var job: JobArgument

    @Flag(help: "Wait until it is finished.")
    var wait = false

    @Option(help: ArgumentHelp("Give up after this time (30s, 500ms, 5m).", valueName: "time"))
    var timeout: TimeSpan?

    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard timeout == nil || wait else { throw ValidationError("--timeout goes with --wait.") }
    }

    func run() async throws {
        let (info, result) = try await ServerClient.with(server) { client in
            let info = try await job.ask { id throws(MartletError) in
                if wait {
                    try await client.finishedInfo(
                        of: id, parts: .result, timeout: timeout?.duration)
                } else {
                    try await client.info(of: id, parts: .result)
                }
            }
            return (info, try await client.resultBytes(of: info))
        }
        if let failure = info.failure { throw failure }
        guard info.state.isFinished else {
            throw CommandFailure(
                .conflict, "job \(info.id) is \(info.state), not finished. --wait waits for it.")
        }
        StandardOutput.write(result)
    }
}
