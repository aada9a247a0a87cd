import ArgumentParser
import MartletClient

/// How a change is carried out.
struct ChangeOptions: ParsableArguments {
    @OptionGroup var confirmation: ConfirmationOptions

    @Option(
        help: ArgumentHelp(
            "With filters: so many jobs a second, 1 … 1000000 (default: as fast as it goes).",
            valueName: "jobs"))
    var rate: Int?

    @Flag(help: "One JSON object a line.")
    var json = false

    func validate() throws {
        if let rate, !(1...1_000_000).contains(rate) {
            throw ValidationError("--rate is \(rate); it can be 1 to 1000000.")
        }
    }
}

/// One change, done to jobs one by one or to all that match.
struct JobChangeRun {
    private let change: JobChange
    private let verb: Verb
    private let selection: JobSelection
    private let options: ChangeOptions
    private let asks: Asks

    init(
        _ change: JobChange, verb: Verb, of selection: JobSelection, _ options: ChangeOptions,
        asks: Asks
    ) {
        self.change = change
        self.verb = verb
        self.selection = selection
        self.options = options
        self.asks = asks
    }

    /// When somebody is to agree first.
    enum Asks {
        case never
        /// When filters select the jobs.
        case ofMany
        case always
    }

    /// - Throws: `ValidationError` for what can be refused without the server.
    func validate() throws {
        if case .jobs = selection, options.rate != nil {
            throw ValidationError("--rate goes with filters.")
        }
        if isToAsk { try options.confirmation.checkThatSomebodyAgrees(to: "\(verb.rawValue) jobs") }
    }

    func perform(on server: ServerOptions) async throws {
        try await ServerClient.with(server) { client in
            switch selection {
            case .jobs(let jobs): try await perform(on: jobs, client)
            case .all(let query): try await perform(onAll: query, client)
            }
        }
    }

    private var isToAsk: Bool {
        switch (asks, selection) {
        case (.never, _), (.ofMany, .jobs): false
        case (.ofMany, .all), (.always, _): true
        }
    }
}

// MARK: Jobs that are named

extension JobChangeRun {
    private func perform(on jobs: [JobArgument], _ client: MartletClient) async throws {
        if isToAsk, !options.confirmation.dryRun {
            try options.confirmation.ask("\(verb.capitalized) \(Quantity.jobs(jobs.count))?")
        }
        var ended = ExitStatus.ok
        for job in jobs {
            do throws(CommandFailure) {
                if options.confirmation.dryRun {
                    try await foretell(job, client)
                } else {
                    try await perform(on: job, client)
                }
            } catch {
                if let message = error.message { StandardError.complain(message) }
                if ended == .ok { ended = error.status }
            }
        }
        if ended != .ok { throw CommandFailure(ended, nil) }
    }

    private func perform(
        on job: JobArgument, _ client: MartletClient
    ) async throws(CommandFailure) {
        let id = try job.id()
        let state = try await job.ask { id throws(MartletError) in
            try await client.act(change, on: CollectionOfOne(id))[0].outcome.get()
        }
        report(id, state)
    }

    private func report(_ id: JobStatus.ID, _ state: JobStatus.State?) {
        if options.json {
            var object = JSONObject()
            object.set("id", id.description)
            object.set("state", state?.rawValue)
            return StandardOutput.write(line: object.text)
        }
        let isStopping = verb == .cancel && state == .running
        StandardOutput.write(
            line: "\(id)  \(isStopping ? "cancelling" : state?.rawValue ?? "deleted")")
    }

    private func foretell(
        _ job: JobArgument, _ client: MartletClient
    ) async throws(CommandFailure) {
        let status = try await job.ask { id throws(MartletError) in try await client.status(of: id)
        }
        guard verb.states.contains(status.state) || verb.changesNothing(in: status.state) else {
            throw CommandFailure(
                .conflict, "job \(status.id) is \(status.state.rawValue); it can't be \(verb.past)."
            )
        }
        StandardOutput.write(
            line: "\(status.id)  \(status.state.rawValue), would be \(verb.past)")
    }
}

// MARK: Jobs that match

extension JobChangeRun {
    private func perform(onAll query: JobQuery, _ client: MartletClient) async throws {
        var query = query
        if query.states.isEmpty { query.states = verb.usualStates }
        let mustCount = options.confirmation.dryRun || (isToAsk && !options.confirmation.yes)
        let count = mustCount ? try await client.count(matching: query) : 0
        if options.confirmation.dryRun { return foretell(count) }
        if isToAsk {
            guard count > 0 || options.confirmation.yes else {
                return reportNone()
            }
            try options.confirmation.ask("\(verb.capitalized) \(Quantity.jobs(count))?")
        }
        let action = try await client.actOnAll(change, matching: query, rate: options.rate)
        report(try await followed(action, of: count), of: action)
    }

    private func followed(_ action: BulkAction, of count: Int) async throws -> BulkAction.Status {
        var bar = ProgressBar(verb.rawValue, of: count)
        defer { bar.clear() }
        var last = try await action.status()
        for try await status in action.progress {
            bar.show(status.changed + status.refused)
            last = status
        }
        return last
    }

    private func foretell(_ count: Int) {
        if options.json {
            var object = JSONObject()
            object.set("dry_run", true)
            object.set("count", count)
            return StandardOutput.write(line: object.text)
        }
        StandardOutput.write(line: "\(Quantity.jobs(count)) would be \(verb.past)")
    }

    private func reportNone() {
        guard options.json else { return StandardOutput.write(line: "no job matches") }
        var object = JSONObject()
        object.set("count", 0)
        StandardOutput.write(line: object.text)
    }

    private func report(_ status: BulkAction.Status, of action: BulkAction) {
        if options.json {
            return StandardOutput.write(line: BulkActionJSON(id: action.id, status).object.text)
        }
        var line = "\(Quantity.jobs(status.changed)) \(verb.past)"
        if status.refused > 0 { line += ", \(Quantity.grouped(status.refused)) could not be" }
        if status.state == .stopped { line += "; stopped before the end" }
        StandardOutput.write(line: line)
    }
}
