import ArgumentParser
import MartletClient

/// `martlet dictionary retire`: ends the use of one for new payloads.
struct DictionaryRetire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Compress no new payloads with a dictionary.",
        discussion: """
            It stays for as long as a stored job needs it. Clients may make another for its
            type. Asks first; --yes answers beforehand.

            Example:
              martlet dictionary retire 1482930017 --yes
            """)

    @Argument(help: ArgumentHelp("The dictionary's id.", valueName: "id"))
    var id: UInt32

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var server: ServerOptions

    func validate() throws {
        try confirmation.checkThatSomebodyAgrees(to: "retire dictionary \(id)")
    }

    func run() async throws {
        try await ServerClient.with(server) { client in
            let (dictionary, _) = try await client.dictionary(id)
            let needed = Quantity.grouped(dictionary.references)
            let what =
                "dictionary \(id) of type \(dictionary.type), which \(needed) payloads need,"
            if confirmation.dryRun {
                return StandardOutput.write(line: "\(what) would be retired")
            }
            try confirmation.ask("Retire \(what.dropLast())?")
            try await client.retireDictionary(id)
        }
    }
}
