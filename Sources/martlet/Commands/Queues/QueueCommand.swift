import ArgumentParser
import MartletClient
import MartletWire

/// `martlet queue …`: looks at queues, and tells them what to do.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Look at queues, and tell them what to do.",
        groupedSubcommands: [
            CommandGroup(
                name: "Looking",
                subcommands: [QueueList.self, QueueStats.self, QueueGet.self]),
            CommandGroup(
                name: "Changing",
                subcommands: [
                    QueueSetCommand.self, QueuePause.self, QueueResume.self, QueueDrain.self,
                    QueuePurge.self, QueueDeleteCommand.self,
                ]),
        ])
}

/// A queue's name on the command line.
struct QueueArgument: ExpressibleByArgument {
    let name: String

    init(argument: String) {
        name = argument
    }

    func validate() throws {
        do throws(WireError) {
            try Names.check(queue: name)
        } catch {
            throw ValidationError(error.message)
        }
    }
}

/// The one queue that a command is about.
struct NamedQueue: ParsableArguments {
    @Argument(help: ArgumentHelp("Name of a queue.", valueName: "queue"))
    var queue: QueueArgument

    var name: String { queue.name }

    func validate() throws { try queue.validate() }
}
