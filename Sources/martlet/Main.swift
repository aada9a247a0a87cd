import ArgumentParser
import Foundation

/// The program's entry point: runs the command, says once what went wrong, exits with the status
/// that stands for it.
@main
enum Main {
    static func main() async {
        do {
            var command = try await Martlet.asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(end(with: error).rawValue)
        }
    }

    /// Prints what `error` has to say (help goes to standard output, all else to standard error).
    private static func end(with error: any Error) -> ExitStatus {
        let parserStatus = Martlet.exitCode(for: error)
        if parserStatus.isSuccess {
            StandardOutput.write(line: Martlet.fullMessage(for: error))
            return .ok
        }
        if parserStatus == .validationFailure {
            StandardError.complain(usageSentence(of: error))
            return .usage
        }
        let failure = CommandFailure(error)
        if let message = failure.message { StandardError.complain(message) }
        return failure.status
    }

    /// One line out of the parser's report, which has the error first, then the usage and where
    /// help is.
    private static func usageSentence(of error: any Error) -> String {
        let lines = Martlet.fullMessage(for: error).split(separator: "\n").map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        let said = lines.prefix { !$0.hasPrefix("Usage:") && !$0.hasPrefix("Help:") }
        var sentence = said.joined(separator: " ")
        if sentence.hasPrefix("Error: ") { sentence.removeFirst("Error: ".count) }
        if let last = sentence.last, !".?!".contains(last) { sentence.append(".") }
        if let form = ValueForm.sentence(for: sentence) { sentence += " " + form }
        guard let hint = lines.first(where: { $0.hasPrefix("See '") }) else { return sentence }
        return sentence + " " + hint
    }
}
