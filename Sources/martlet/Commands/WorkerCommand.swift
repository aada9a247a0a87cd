import ArgumentParser
import Foundation
import Logging
import MartletWire
import MartletWorker

/// `martlet worker`: runs a command for each job.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Take jobs from queues and run a command for each.",
        discussion: """
            The payload goes to the command's standard input; what it writes to standard
            output is the result. Exit status 0 completes the job, anything else fails it,
            with the end of standard error as the reason. MARTLET_JOB_ID, MARTLET_QUEUE,
            MARTLET_TYPE, MARTLET_TAGS, MARTLET_ATTEMPT and MARTLET_LEASE_TOKEN are in its
            environment, and the job's headers as MARTLET_HEADER_TRACEPARENT …. The command
            is split into words like a shell does, but run without one. Its process group
            is ended when the job is cancelled, takes too long, or its lease is lost.

            Lines that it writes to the pipe MARTLET_CONTROL, with --shell also to file
            descriptor 3, say how the job goes:
              progress 0.5 half of it     fraction and message
              log TEXT                    kept with the job: `martlet job logs`
              checkpoint BASE64           the next attempt finds it in the file
                                          MARTLET_CHECKPOINT; checkpoint @FILE reads one

            On SIGTERM or SIGINT the worker takes no more jobs, lets running commands
            finish within --drain-timeout, and hands the rest back unspent.

            Examples:
              martlet worker --queue greetings --exec 'tr a-z A-Z'
              martlet worker --queue images=4 --queue mail --shell --exec 'gzip | base64'
              martlet worker --queue scan --shell \\
                --exec 'echo "progress 0.1 began" >&3; ./scan'
            """)

    @Option(
        help: ArgumentHelp(
            "Queue to take jobs from, and how many at a time (default: one for each core); may be repeated.",
            valueName: "name[=slots]"),
        transform: QueueSlots.init(parsing:))
    var queue: [QueueSlots] = []

    @Option(help: ArgumentHelp("What to run for each job.", valueName: "command"))
    var exec: String

    @Flag(help: "Give the command to sh -c.")
    var shell = false

    @Option(
        help: ArgumentHelp(
            "A worker that vanished is noticed after this time at the latest, 1s … 12h (default: the server's).",
            valueName: "time"))
    var lease: TimeSpan?

    @Option(help: ArgumentHelp("Longest time that a command may run.", valueName: "time"))
    var timeout: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "What running commands get to finish in (default 30s).", valueName: "time"))
    var drainTimeout: TimeSpan?

    @Flag(help: "Wait for a server that is not there yet, in place of failing.")
    var waitForServer = false

    @OptionGroup var server: ServerOptions
    @OptionGroup var log: LogOptions

    func validate() throws {
        guard !queue.isEmpty else {
            throw ValidationError("a worker needs at least one --queue NAME.")
        }
        if let twice = Dictionary(grouping: queue, by: \.name).first(where: { $0.value.count > 1 })
        {
            throw ValidationError("--queue \(twice.key) is given twice.")
        }
        _ = try parsedCommand()
    }

    func run() async throws {
        let settings = try await server.settings(with: log.given)
        let target = try Server(settings)
        let logger = try LogOptions.logger(settings)
        let handler: SubprocessHandler
        do {
            handler = try await SubprocessHandler(command: try parsedCommand())
        } catch let error as SubprocessFailure {
            throw CommandFailure(.failed, "\(error)")
        }
        let worker = MartletWorker(
            target.endpoint,
            queues: Dictionary(uniqueKeysWithValues: queue.map { ($0.name, $0.slots) }),
            configuration: configuration(target), logger: logger
        ) {
            Handler.command(handler)
        }
        try await ServerGroup.run([worker], logger: logger)
    }

    private func configuration(_ target: Server) -> MartletWorker.Configuration {
        var configuration = MartletWorker.Configuration()
        configuration.token = target.token
        configuration.lease = lease?.duration
        configuration.timeout = timeout?.duration
        configuration.waitsForServer = waitForServer
        if let drainTimeout { configuration.drainTimeout = drainTimeout.duration }
        return configuration
    }

    private func parsedCommand() throws -> Command {
        if shell { return Command(shell: exec) }
        do {
            return try Command(splitting: exec)
        } catch {
            throw ValidationError("--exec: \(error)")
        }
    }
}

/// `NAME[=SLOTS]`
struct QueueSlots {
    let name: String
    let slots: Int

    @Sendable init(parsing argument: String) throws {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        name = String(parts[0])
        do throws(WireError) {
            try Names.check(queue: name)
        } catch {
            throw ValidationError(error.message)
        }
        if parts.count == 1 {
            slots = ProcessInfo.processInfo.activeProcessorCount
        } else {
            guard let count = Int(parts[1]), (1...10_000).contains(count) else {
                throw ValidationError("a queue has 1 to 10,000 slots")
            }
            slots = count
        }
    }
}
