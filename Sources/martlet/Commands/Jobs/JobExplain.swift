import ArgumentParser
import MartletClient

/// `martlet job explain`: why jobs are where they are.
struct JobExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why jobs are not running, or who has them.",
        discussion: """
            Examples:
              martlet job explain 0000000k5m2q
              martlet job explain 0000000k5m2q --json | jq -r '.reasons[].reason'
            """)

    @Argument(help: ArgumentHelp("Ids of jobs.", valueName: "id"))
    var jobs: [JobArgument]

    @Flag(help: "One JSON object a job, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            for job in jobs {
                let explanation = try await job.ask { id throws(MartletError) in
                    try await client.explain(id)
                }
                write(explanation)
            }
        }
    }

    /// The server's sentences stand inside others', too: they begin small and end without a period.
    private func write(_ sentence: String) {
        StandardOutput.write(line: "  \(sentence.prefix(1).uppercased())\(sentence.dropFirst()).")
    }

    private func write(_ explanation: JobExplanation) {
        if json {
            return StandardOutput.write(line: ExplanationJSON(explanation).object.text)
        }
        StandardOutput.write(line: "\(explanation.id) is \(explanation.state.rawValue).")
        for reason in explanation.reasons { write(reason.sentence) }
    }
}
