import ArgumentParser
import MartletClient

/// `martlet job events`: what happens to a job.
struct JobEventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what happens to a job, as it happens, until it is finished.",
        discussion: """
            A finished job has no events to wait for. The server keeps the last events for a
            minute after somebody watched: --after goes on behind the last one seen.

            Example:
              martlet job events 0000000k5m2q --progress
            """)

    @Argument(help: ArgumentHelp("Id of a job.", valueName: "id"))
    var job: JobArgument

    @Flag(help: "What its handler says of its progress, too.")
    var progress = false

    @Option(help: ArgumentHelp("Go on behind the event with this offset.", valueName: "offset"))
    var after: UInt64?

    @Flag(help: "One JSON object an event, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            _ = try await job.ask { id throws(MartletError) in try await client.status(of: id) }
            let filter = EventFilter(job: try job.id(), includesProgress: progress)
            let events = client.events(matching: filter, after: after ?? 0, endsWithJob: true)
            for try await event in events { EventReport.write(event, json: json) }
        }
    }
}
