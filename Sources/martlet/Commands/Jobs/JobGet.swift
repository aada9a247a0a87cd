import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job get`: what is known of a job.
struct JobGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Show jobs.",
        discussion: """
            Examples:
              martlet job get 0000000k5m2q
              martlet job get 0000000k5m2q --json | jq -r .state
            """)

    @Argument(help: ArgumentHelp("Ids of jobs.", valueName: "id"))
    var jobs: [JobArgument]

    @Flag(help: "One JSON object a job, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            for (index, job) in jobs.enumerated() {
                let info = try await job.ask { id throws(MartletError) in
                    try await client.info(of: id, parts: [])
                }
                if index > 0, !json { StandardOutput.write(line: "") }
                JobReport.write(info, json: json)
            }
        }
    }
}
