import ArgumentParser
import MartletClient

/// `martlet queue set`: settings of a queue.
struct QueueSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change the settings of a queue.",
        discussion: """
            What is not given stays as it is. Defaults are for jobs that do not say
            otherwise and are submitted from now on. A queue that does not exist is made.

            Examples:
              martlet queue set images --depth-max 100000 --order lifo
              martlet queue set mail --max-attempts 5 --backoff exponential:5s,2,10m
            """)

    @OptionGroup var queue: NamedQueue

    @Option(
        help: ArgumentHelp(
            "Refuse submissions while so many jobs wait; 0: no limit.", valueName: "count"))
    var depthMax: UInt64?

    @Option(
        help: ArgumentHelp(
            "Refuse submissions while payloads of so many bytes wait (500M, 2Gi); 0: no limit.",
            valueName: "bytes"))
    var bytesMax: ByteSize?

    @Option(help: "Which job of a priority is first: the first in, or the last.")
    var order: OrderArgument?

    @Flag(help: "Forget the defaults that were set before.")
    var noDefaults = false

    @OptionGroup(title: "Defaults of jobs") var urgency: UrgencyOptions
    @OptionGroup(title: "Defaults of jobs") var attempts: AttemptOptions
    @OptionGroup var server: ServerOptions

    func validate() throws {
        let isEmpty = depthMax == nil && bytesMax == nil && order == nil && !noDefaults
        guard !isEmpty || setsDefaults else {
            throw ValidationError("nothing to set: give --depth-max, --order, --max-attempts, ….")
        }
        try defaults.validate()
    }

    func run() async throws {
        try await ServerClient.with(server) { client in
            var options = QueueOptions(
                depthMax: depthMax, bytesMax: bytesMax?.bytes, order: order?.order)
            if noDefaults || setsDefaults {
                options.defaults = defaults.filled(from: try await defaultsBefore(client))
            }
            try await client.configureQueue(queue.name, options)
        }
    }

    private var setsDefaults: Bool { !urgency.isEmpty || !attempts.isEmpty }

    private var defaults: JobOptions {
        var options = JobOptions()
        urgency.apply(to: &options)
        attempts.apply(to: &options)
        return options
    }

    /// The server takes all defaults or none; those that are not given again would be lost.
    private func defaultsBefore(_ client: MartletClient) async throws -> JobOptions {
        guard !noDefaults else { return JobOptions() }
        do throws(MartletError) {
            return try await client.queue(queue.name).options.defaults ?? JobOptions()
        } catch {
            guard error.code == .queueNotFound else { throw error }
            return JobOptions()
        }
    }
}

enum OrderArgument: String, ExpressibleByArgument, CaseIterable {
    case fifo, lifo

    var order: QueueOptions.Order {
        switch self {
        case .fifo: .firstInFirstOut
        case .lifo: .lastInFirstOut
        }
    }
}
