import ArgumentParser
import MartletClient

/// `martlet dictionary list`: all of them, or those of a type.
struct DictionaryList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List dictionaries: by type, the newest version first.",
        discussion: """
            Example:
              martlet dictionary list mail.send
            """)

    @Argument(help: ArgumentHelp("A job type; all when it is left out.", valueName: "type"))
    var type: String?

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            var report = DictionaryReport(json: json)
            let all = try await client.dictionaries(of: type)
            for dictionary in all.sorted(by: { ($0.type, $1.version) < ($1.type, $0.version) }) {
                report.add(dictionary)
            }
            report.write()
        }
    }
}
