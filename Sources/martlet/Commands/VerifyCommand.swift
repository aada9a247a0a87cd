import ArgumentParser
import Broker
import MartletClient

/// `martlet verify`: checks that a store agrees with itself.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that a broker's data agrees with itself.",
        discussion: """
            Every job is in exactly one index, every row points to a job that agrees, check
            values are right, and counters equal the rows. Of a running broker a snapshot
            is read, part by part, while it goes on; --data reads the directory of one that
            does not run. Problems are printed, a line each; then the exit status is 65.

            Examples:
              martlet verify --server martlet://10.0.0.5:7411
              martlet verify --data /var/lib/martlet --repair
            """)

    @Option(
        help: ArgumentHelp(
            "Data directory of a broker that does not run.", valueName: "directory"))
    var data: String?

    @Flag(
        help:
            "With --data: make indexes, timers, keys and counters anew from the jobs, and set damaged rows aside."
    )
    var repair = false

    @Flag(help: "One JSON object.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard data == nil || server.server == nil else {
            throw ValidationError("--data and --server exclude each other.")
        }
        guard !repair || data != nil else {
            throw ValidationError("--repair goes with --data: only a closed store is repaired.")
        }
    }

    func run() async throws {
        let report = if let data { try closed(data) } else { try await running() }
        report.write(json: json)
        if !report.problems.isEmpty { throw CommandFailure(.damaged, nil) }
    }

    private func running() async throws -> VerificationReport {
        try await ServerClient.with(server) { client in
            var report = VerificationReport()
            for try await part in client.verify() {
                report.rows += part.rows
                report.jobs += part.jobs
                report.problems += part.problems
            }
            return report
        }
    }

    private func closed(_ directory: String) throws -> VerificationReport {
        do {
            let store = try ClosedStore(directory)
            let repairs = repair ? try store.repair() : []
            let found = try store.verify()
            try store.close()
            return VerificationReport(
                rows: found.rows, jobs: found.jobs, problems: found.problems, repairs: repairs)
        } catch {
            throw ServerFailure.explain(error)
        }
    }
}
