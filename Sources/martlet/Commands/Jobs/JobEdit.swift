import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job edit`: changes a job that does not run.
struct JobEdit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Change waiting or dead jobs.",
        discussion: """
            What is not given stays as it is; tags and headers take the place of all there
            were, and --no-tags or --no-headers takes them away. A running or otherwise
            finished job is a conflict (exit 6). A dead job stays dead: `martlet job retry`
            tries it again.

            Examples:
              martlet job edit 0000000k5m2q --priority 200 --run-at 2026-11-22T10:00:00Z
              martlet job edit 0000000k5m2q --payload-file fixed.json
              martlet job edit 0000000k5m2q --no-tags
            """)

    @Argument(help: ArgumentHelp("Id of a job.", valueName: "id"))
    var job: JobArgument

    @Argument(help: ArgumentHelp("- for a payload from standard input.", valueName: "-"))
    var source: String?

    @Option(help: ArgumentHelp("The payload.", valueName: "text"))
    var payload: String?

    @Option(help: ArgumentHelp("The payload is this file's contents.", valueName: "file"))
    var payloadFile: String?

    @OptionGroup var urgency: UrgencyOptions
    @OptionGroup var due: DueOptions
    @OptionGroup var words: WordOptions

    @Flag(help: "Take away all tags.")
    var noTags = false

    @Flag(help: "Take away all headers.")
    var noHeaders = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        try PayloadInput.check(text: payload, file: payloadFile, source: source)
        guard !noTags || words.tag.isEmpty else {
            throw ValidationError("--tag and --no-tags exclude each other.")
        }
        guard !noHeaders || words.header.isEmpty else {
            throw ValidationError("--header and --no-headers exclude each other.")
        }
        guard hasPayload || !removed.isEmpty || options != JobOptions() else {
            throw ValidationError("nothing to change: give --payload, --priority, --run-at, ….")
        }
        try options.validate()
    }

    func run() async throws {
        let input = try hasPayload ? PayloadInput(text: payload, file: payloadFile) : nil
        try await ServerClient.with(server) { client in
            let limit = Int(try await client.serverLimits().payloadBytesMax)
            let payload = try await input?.whole(limit: limit)
            try await job.ask { id throws(MartletError) in
                try await client.edit(
                    id, options: options, removing: removed, payload: payload)
            }
        }
    }

    private var hasPayload: Bool { payload != nil || payloadFile != nil || source != nil }

    private var removed: JobLabels {
        var labels: JobLabels = []
        if noTags { labels.insert(.tags) }
        if noHeaders { labels.insert(.headers) }
        return labels
    }

    private var options: JobOptions {
        var options = JobOptions()
        urgency.apply(to: &options)
        due.apply(to: &options)
        words.apply(to: &options)
        return options
    }
}
