import ArgumentParser
import MartletClient

/// `martlet job events`: what happens to a job.
struct JobEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what happens to a job, as it happens, until it is finished.",
        discussion: """
            Example:
              martlet job events 0000000k5m2q --progress
            """)

    @Argument(help: ArgumentHelp("Id of a job.", valueName: "id"))
    var job: JobArgument

    @Flag(help: "What its handler says of its progress, too.")
    var progress = false

    @Flag(help: "One JSON object an event, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            _ = try await job.ask { id throws(MartletError) in try await client.status(of: id) }
            let events = client.events(ofJob: try job.id(), includesProgress: progress)
            for try await event in events { EventReport.write(event, json: json) }
        }
    }
}
