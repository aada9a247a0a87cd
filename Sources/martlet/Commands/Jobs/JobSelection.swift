import ArgumentParser
import MartletClient

/// Which jobs a command changes: those named, or all that match.
enum JobSelection {
    case jobs([JobArgument])
    case all(JobQuery)

    /// - Parameter all: somebody said that every job is meant, whatever the filters say.
    /// - Throws: `ValidationError` when nothing is selected, or both ways are used.
    init(_ jobs: [JobArgument], _ query: JobQuery, all: Bool) throws {
        let isFiltered = query != JobQuery()
        switch (jobs.isEmpty, isFiltered || all) {
        case (false, false): self = .jobs(jobs)
        case (true, true): self = .all(query)
        case (false, true): throw ValidationError("ids and filters exclude each other.")
        case (true, false):
            throw ValidationError("which jobs? Give ids, filters such as --queue, or --all.")
        }
    }
}

/// Ids, or filters; for commands that change jobs in any state that fits.
struct JobSelectionOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Ids of jobs.", valueName: "id"))
    var jobs: [JobArgument] = []

    @OptionGroup(title: "Filters") var queue: QueueOption
    @OptionGroup(title: "Filters") var states: StateOption
    @OptionGroup(title: "Filters") var filter: JobFilterOptions

    @Flag(help: "All jobs that it can be done to, or all that the filters leave.")
    var all = false

    func validate() throws { _ = try selection() }

    func selection() throws -> JobSelection {
        try JobSelection(
            jobs, filter.query(queue: queue.queue, states: states.states), all: all)
    }
}
