import ArgumentParser

/// How somebody agrees to what can't be taken back.
struct ConfirmationOptions: ParsableArguments {
    @Flag(name: [.short, .long], help: "Don't ask.")
    var yes = false

    @Flag(help: "Only say what would be done.")
    var dryRun = false

    func validate() throws {
        guard !(yes && dryRun) else {
            throw ValidationError("--yes and --dry-run exclude each other.")
        }
    }

    /// Refuses at once where nobody could be asked.
    ///
    /// - Parameter deed: what would be done, such as `delete jobs`.
    func checkThatSomebodyAgrees(to deed: String) throws {
        guard !yes, !dryRun, !Self.canAsk else { return }
        throw ValidationError(
            "this would \(deed), and nobody can be asked: give --yes, or --dry-run to see what it would do."
        )
    }

    /// Asks, unless that was agreed to beforehand.
    ///
    /// - Throws: a failure without a further word when the answer is no.
    func ask(_ question: @autoclosure () -> String) throws {
        guard !yes else { return }
        StandardError.write("\(question()) [y/N] ")
        let answer = readLine()?.lowercased() ?? ""
        guard answer == "y" || answer == "yes" else {
            throw CommandFailure(.failed, "nothing was done")
        }
    }

    /// People read the question on standard error and answer on standard input.
    private static var canAsk: Bool {
        Terminal(descriptor: FileDescriptor.standardInput).isTerminal
            && Terminal.error.isTerminal
    }
}
