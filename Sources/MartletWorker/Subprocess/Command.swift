import Foundation
import Subprocess
import SystemPackage

/// The program that a worker runs for each job.
package struct Command: Sendable, Equatable {
    /// Program and arguments, as the program sees them.
    package let words: [String]

    /// - Precondition: there is at least one word, the program.
    package init(words: [String]) {
        precondition(!words.isEmpty)
        self.words = words
    }

    /// A command line, split into words like a shell does, but run without one.
    package init(splitting line: String) throws(CommandSyntaxError) {
        words = try CommandWords.split(line)
    }

    /// A script for `sh -c`, which finds the control pipe open as its descriptor 3.
    package init(shell script: String) {
        words = ["/bin/sh", "-c", "exec 3>\"${MARTLET_CONTROL:-/dev/null}\"; \(script)"]
    }

    /// Where the program is: a name without a slash is looked up in `PATH`, as everywhere.
    ///
    /// - Throws: ``SubprocessFailure/notFound(program:)``.
    func locate() async throws(SubprocessFailure) -> FilePath {
        let path: FilePath
        if words[0].contains("/") {
            path = FilePath(words[0])
        } else {
            do {
                path = try await Executable.name(words[0]).resolveExecutablePath(in: .inherit)
            } catch {
                throw .notFound(program: words[0])
            }
        }
        guard access(path.string, X_OK) == 0 else { throw .notFound(program: words[0]) }
        return path
    }

    /// The program sees itself called as the command says, wherever it was found.
    var arguments: Arguments {
        Arguments(executablePathOverride: words[0], remainingValues: Array(words.dropFirst()))
    }
}
