import ArgumentParser
import MartletClient

/// `martlet dead …`: jobs whose attempts are used up.
struct DeadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead",
        abstract: "Look at dead jobs, try them again, or delete them.",
        subcommands: [DeadList.self, DeadGroupsCommand.self, DeadRedrive.self, DeadPurge.self])
}

/// Ids, or filters, among dead jobs.
struct DeadSelectionOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Ids of jobs.", valueName: "id"))
    var jobs: [JobArgument] = []

    @OptionGroup(title: "Filters") var queue: QueueOption
    @OptionGroup(title: "Filters") var filter: JobFilterOptions

    @Flag(help: "All dead jobs.")
    var all = false

    func validate() throws { _ = try selection() }

    func selection() throws -> JobSelection {
        let selection = try JobSelection(
            jobs, filter.query(queue: queue.queue, states: []), all: all)
        guard case .all(var query) = selection else { return selection }
        query.states = [.dead]
        return .all(query)
    }
}
