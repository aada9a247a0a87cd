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

    /// A script for `sh -c`.
    package init(shell script: String) {
        words = ["/bin/sh", "-c", script]
    }

    /// A name without a slash is looked up in `PATH`, as everywhere.
    var executable: Executable {
        words[0].contains("/") ? .path(FilePath(words[0])) : .name(words[0])
    }

    var arguments: Arguments { Arguments(Array(words.dropFirst())) }
}
