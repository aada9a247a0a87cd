import ArgumentParser

/// `martlet job …`: looks at jobs, and changes them.
struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "Look at jobs, and change them.",
        groupedSubcommands: [
            CommandGroup(
                name: "Looking",
                subcommands: [
                    JobGet.self, JobList.self, JobWait.self, JobResult.self, JobExplain.self,
                    JobLogs.self, JobEventsCommand.self,
                ]),
            CommandGroup(
                name: "Changing",
                subcommands: [
                    JobCancel.self, JobRetry.self, JobEdit.self, JobReprioritise.self,
                    JobDelete.self,
                ]),
        ])
}
