import ArgumentParser
import MartletClient

/// `martlet events`: what happens to jobs.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what happens to jobs, as it happens.",
        discussion: """
            Ends with --limit, or when it is interrupted. The server keeps the last events
            for a minute after somebody watched: --after goes on behind the last one seen.
            Standard error tells when some were missed.

            Examples:
              martlet events --follow --queue images --state dead
              martlet events --follow --json | jq -r 'select(.kind == "failed") | .error'
            """)

    @Flag(help: "Wait for events, until interrupted.")
    var follow = false

    @OptionGroup(title: "Filters") var queue: QueueOption

    @Option(
        help: ArgumentHelp(
            "Only events that bring a job into this state; may be repeated.", valueName: "state"))
    var state: [StateArgument] = []

    @Option(help: ArgumentHelp("Only this type.", valueName: "type"))
    var type: String?

    @Option(help: ArgumentHelp("Only jobs with this tag.", valueName: "tag"))
    var tag: String?

    @Flag(help: "What handlers say of their progress, too.")
    var progress = false

    @Option(help: ArgumentHelp("Go on behind the event with this offset.", valueName: "offset"))
    var after: UInt64?

    @Option(help: ArgumentHelp("End after so many events.", valueName: "count"))
    var limit: Int?

    @Flag(help: "One JSON object an event, a line each.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit).") }
        guard follow || limit != nil else {
            throw ValidationError(
                "events come as they happen: --follow waits for them, --limit COUNT ends after some."
            )
        }
    }

    func run() async throws {
        let filter = EventFilter(
            queue: queue.queue, states: Set(state.map(\.state)), type: type, tag: tag,
            includesProgress: progress)
        try await ServerClient.with(server) { client in
            var left = limit ?? .max
            for try await event in client.events(matching: filter, after: after) {
                EventReport.write(event, json: json)
                left -= 1
                if left == 0 { return }
            }
        }
    }
}
