import ArgumentParser
import Foundation
import MartletClient

/// `martlet dictionary show`: one of them.
struct DictionaryShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a dictionary, or write its bytes into a file.",
        discussion: """
            Example:
              martlet dictionary show 1482930017 --output mail.dict
            """)

    @Argument(help: ArgumentHelp("The dictionary's id.", valueName: "id"))
    var id: UInt32

    @Option(help: ArgumentHelp("Write the bytes into this file.", valueName: "file"))
    var output: String?

    @Flag(help: "One JSON object.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            let (dictionary, bytes) = try await client.dictionary(id)
            if let output { try write(bytes, to: output) }
            if json {
                return StandardOutput.write(line: DictionaryJSON(dictionary).object.text)
            }
            Fields.write([
                ("dictionary", "\(dictionary.id)"), ("type", dictionary.type),
                ("version", "\(dictionary.version)"), ("state", dictionary.state.rawValue),
                ("bytes", Quantity.grouped(dictionary.byteCount)),
                ("references", Quantity.grouped(dictionary.references)),
                ("created", dictionary.createdAt.rfc3339),
                ("retired", dictionary.retiredAt?.rfc3339),
            ])
        }
    }

    private func write(_ bytes: Data, to path: String) throws {
        do {
            try bytes.write(to: URL(filePath: path))
        } catch {
            throw CommandFailure(.failed, "cannot write \(path): \(error.localizedDescription)")
        }
    }
}
