import ArgumentParser
import MartletClient

/// `martlet dictionary …`: what payloads of a job type are compressed with.
struct DictionaryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dictionary",
        abstract:
            "Make, look at and retire dictionaries that payloads are compressed with.",
        discussion: """
            Clients make one by themselves once they have pushed enough jobs of a type,
            if it makes payloads smaller. A dictionary that is retired stays for as long
            as a job needs it.
            """,
        subcommands: [
            DictionaryTrain.self, DictionaryList.self, DictionaryShow.self, DictionaryRetire.self,
        ])
}

/// Dictionaries as the command line shows them: JSON lines at once, or columns at the end.
struct DictionaryReport {
    private let json: Bool
    private var table = Table([
        .number("ID"), .text("TYPE"), .number("VERSION"), .text("STATE"), .number("BYTES"),
        .number("REFERENCES"), .text("CREATED"),
    ])

    init(json: Bool) { self.json = json }

    mutating func add(_ dictionary: PayloadDictionary) {
        if json {
            return StandardOutput.write(line: DictionaryJSON(dictionary).object.text)
        }
        table.add([
            "\(dictionary.id)", dictionary.type, "\(dictionary.version)",
            dictionary.state.rawValue, Quantity.grouped(dictionary.byteCount),
            Quantity.grouped(dictionary.references), dictionary.createdAt.rfc3339,
        ])
    }

    func write() {
        if !json { table.write() }
    }
}
