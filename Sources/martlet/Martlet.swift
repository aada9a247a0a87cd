import ArgumentParser

/// The root command: every process and every tool of Martlet is a subcommand.
struct Martlet: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A durable job server: submit work, let workers pull it, wait for the result.",
        discussion: """
            Two commands and a job:
              martlet serve &
              martlet worker --queue greetings --exec 'tr a-z A-Z' &
              echo "hello" | martlet submit greetings --wait

            A setting that is not given as an option is read from the environment
            (MARTLET_SERVER, MARTLET_TOKEN_FILE, MARTLET_LOG_LEVEL …), then from the JSON
            file that --config or MARTLET_CONFIG names, under the same name in lower case
            without the prefix.

            \(ExitStatus.table)
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(
                name: "Servers and workers",
                subcommands: [
                    Serve.self, BrokerCommand.self, GatewayCommand.self, WorkerCommand.self,
                ]),
            CommandGroup(
                name: "Jobs and queues",
                subcommands: [
                    SubmitCommand.self, JobCommand.self, DeadCommand.self, QueueCommand.self,
                    DictionaryCommand.self, EventsCommand.self, VerifyCommand.self,
                ]),
            CommandGroup(name: "Trying it out", subcommands: [Demo.self, BenchCommand.self]),
        ])
}
