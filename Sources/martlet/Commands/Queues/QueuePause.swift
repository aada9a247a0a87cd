import ArgumentParser
import Foundation
import MartletClient

/// `martlet queue pause`: stops deliveries.
struct QueuePause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop deliveries; submissions go on, and so do running jobs.",
        discussion: """
            A queue that has no job yet is made, so that it can be paused before the first.

            Example:
              martlet queue pause images --reason "the disk is full"
            """)

    @OptionGroup var queue: NamedQueue

    @Option(help: ArgumentHelp("Why, for whoever asks.", valueName: "text"))
    var reason: String = ""

    @Option(help: ArgumentHelp("Who (default: user and host).", valueName: "text"))
    var by: String?

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let by = by ?? "\(NSUserName())@\(ProcessInfo.processInfo.hostName)"
        try await ServerClient.with(server) { client in
            try await client.pauseQueue(queue.name, by: by, reason: reason)
        }
    }
}

/// `martlet queue resume`: ends a pause, or a drain.
struct QueueResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Deliver again, and take submissions again: ends pause and drain.",
        discussion: """
            Example:
              martlet queue resume images
            """)

    @OptionGroup var queue: NamedQueue
    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            // Asked first: a queue that is not there is not to be made.
            let status = try await client.queue(queue.name)
            if status.paused != nil { try await client.resumeQueue(queue.name) }
            if status.drainingSince != nil { try await client.drainQueue(queue.name, false) }
        }
    }
}

/// `martlet queue drain`: refuses submissions.
struct QueueDrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Refuse submissions; what is there is finished. `queue resume` ends it.",
        discussion: """
            Example:
              martlet queue drain images
            """)

    @OptionGroup var queue: NamedQueue
    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            try await client.drainQueue(queue.name)
        }
    }
}
