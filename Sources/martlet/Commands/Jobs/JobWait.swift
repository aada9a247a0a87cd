import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job wait`: waits until jobs are finished.
struct JobWait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait until jobs are finished.",
        discussion: """
            Prints each job's id and how it ended, in the order given. Exits with 3 when
            the time is over, with 7 when one of them ended in failure.

            Example:
              martlet job wait 0000000k5m2q --timeout 30s && echo done
            """)

    @Argument(help: ArgumentHelp("Ids of jobs.", valueName: "id"))
    var jobs: [JobArgument]

    @Option(help: ArgumentHelp("Give up after this time (30s, 500ms, 5m).", valueName: "time"))
    var timeout: TimeSpan?

    @Flag(help: "One JSON object a job, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let end = timeout.map { ContinuousClock.now + $0.duration }
        var ended = ExitStatus.ok
        for info in try await finished(until: end) {
            if let failure = info.failure {
                if let message = failure.message { StandardError.complain(message) }
                ended = failure.status
            }
        }
        if ended != .ok { throw CommandFailure(ended, nil) }
    }

    /// Waits for one after the other, and reports each as soon as it and all before it are
    /// finished.
    private func finished(until end: ContinuousClock.Instant?) async throws -> [JobInfo] {
        try await ServerClient.with(server) { client in
            var finished: [JobInfo] = []
            for job in jobs {
                let info = try await job.ask { id throws(MartletError) in
                    try await client.finishedInfo(of: id, parts: [], timeout: end.map { $0 - .now })
                }
                if json {
                    JobReport.write(info, json: true)
                } else {
                    StandardOutput.write(line: "\(info.id)  \(info.state)")
                }
                finished.append(info)
            }
            return finished
        }
    }
}
