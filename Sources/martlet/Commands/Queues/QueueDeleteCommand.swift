import ArgumentParser
import MartletClient

/// `martlet queue delete`: deletes a queue with its settings.
struct QueueDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a queue and its settings.",
        discussion: """
            Asks first; --yes answers beforehand. A queue that has jobs is a conflict
            (exit 6) unless --force deletes them, too; workers lose those that run.

            Example:
              martlet queue delete images --force --yes
            """)

    @OptionGroup var queue: NamedQueue

    @Flag(help: "With all its jobs.")
    var force = false

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var server: ServerOptions

    func validate() throws {
        try confirmation.checkThatSomebodyAgrees(to: "delete queue \(queue.name)")
    }

    func run() async throws {
        try await ServerClient.with(server) { client in
            let status = try await client.queue(queue.name)
            let what = "queue \(queue.name) with \(Quantity.jobs(status.jobs))"
            guard force || status.jobs == 0 else { throw notEmpty(status) }
            if confirmation.dryRun {
                return StandardOutput.write(line: "\(what) would be deleted")
            }
            try confirmation.ask("Delete \(what)?")
            try await client.deleteQueue(queue.name, withJobs: force)
        }
    }

    private func notEmpty(_ status: QueueStatus) -> CommandFailure {
        CommandFailure(
            .conflict,
            "queue \(queue.name) has \(Quantity.jobs(status.jobs)). --force deletes them, too.")
    }
}

extension QueueStatus {
    /// All that are in it, finished ones that are kept included.
    var jobs: Int {
        ready + running + scheduled + held + dead + retained + cancelled + expired
    }
}
