import ArgumentParser
import MartletClient

/// Which queue; where it is one of several filters.
struct QueueOption: ParsableArguments {
    @Option(help: ArgumentHelp("Only this queue.", valueName: "name"))
    var queue: String?
}

/// Which states.
struct StateOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only jobs in this state; may be repeated.", valueName: "state"))
    var state: [StateArgument] = []

    var states: Set<JobStatus.State> { Set(state.map(\.state)) }
}

/// A state by its name.
struct StateArgument: ExpressibleByArgument {
    let state: JobStatus.State

    init?(argument: String) {
        guard let state = JobStatus.State(rawValue: argument) else { return nil }
        self.state = state
    }

    static var allValueStrings: [String] { JobStatus.State.allCases.map(\.rawValue) }
}

/// Which jobs, apart from their queue and state.
struct JobFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only this type.", valueName: "type"))
    var type: String?

    @Option(help: ArgumentHelp("Only jobs with this tag.", valueName: "tag"))
    var tag: String?

    @Option(help: ArgumentHelp("Only jobs with this unique key.", valueName: "key"))
    var unique: String?

    @Option(
        help: ArgumentHelp(
            "Only jobs that died of this error, as `martlet dead groups` shows it.",
            valueName: "fingerprint"))
    var error: HexadecimalArgument?

    @Option(
        help: ArgumentHelp(
            "Only jobs running at this worker, as `martlet job get` shows it; or its session.",
            valueName: "host/pid"))
    var worker: String?

    @Option(
        help: ArgumentHelp(
            "Only jobs submitted at most this long ago (2h), or since then (2026-11-22T10:00:00Z).",
            valueName: "when"))
    var since: PastInstant?

    @Option(
        help: ArgumentHelp(
            "Only jobs submitted longer ago (2h), or before then (2026-11-22T10:00:00Z).",
            valueName: "when"))
    var until: PastInstant?

    @Option(
        help: ArgumentHelp("Only jobs whose id begins with this.", valueName: "letters"))
    var idPrefix: IDPrefixArgument?

    var isEmpty: Bool {
        query(queue: nil, states: []) == JobQuery()
    }

    func query(queue: String?, states: Set<JobStatus.State>) -> JobQuery {
        var query = JobQuery(
            queue: queue, states: states, type: type, tag: tag, uniqueKey: unique,
            ids: idPrefix?.ids, fingerprint: error?.number, since: since?.date,
            until: until?.date)
        if let worker { query.setWorker(worker) }
        return query
    }
}

/// A fingerprint.
struct HexadecimalArgument: ExpressibleByArgument {
    let number: UInt64

    init?(argument: String) {
        guard let number = Hexadecimal.number(argument) else { return nil }
        self.number = number
    }
}

struct IDPrefixArgument: ExpressibleByArgument {
    let ids: ClosedRange<JobStatus.ID>

    init?(argument: String) {
        guard let ids = JobQuery.idPrefix(argument) else { return nil }
        self.ids = ids
    }
}
