import ArgumentParser
import MartletClient

/// `martlet verify`: checks that a store agrees with itself.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that a broker's data agrees with itself.",
        discussion: """
            Every job is in exactly one index, every row points to a job that agrees, and
            counters equal the rows. Of a running broker a snapshot is read, part by part,
            while it goes on. Problems are printed, a line each; then the exit status is 65.

            Example:
              martlet verify --server martlet://10.0.0.5:7411
            """)

    @Flag(help: "One JSON object.")
    var json = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let report = try await ServerClient.with(server) { client in
            var report = VerificationReport()
            for try await part in client.verify() {
                report.rows += part.rows
                report.jobs += part.jobs
                report.problems += part.problems
            }
            return report
        }
        report.write(json: json)
        if !report.problems.isEmpty { throw CommandFailure(.damaged, nil) }
    }
}
