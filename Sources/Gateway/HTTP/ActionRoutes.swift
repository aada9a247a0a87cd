import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore
import ServiceLifecycle

/// Bulk actions: what the server does to all jobs that match, in steps of its own.
struct ActionRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer
    let limits: GatewayLimits

    func add(to router: some RouterMethods<Context>) {
        router.post("v1/actions", use: begin)
        router.get("v1/actions/{id}", use: look)
        router.delete("v1/actions/{id}", use: stop)
        router.post("v1/queues/{queue}/purge", use: purge)
    }

    private static var optionNames: [String] {
        ["filter", "rate", "dry_run", "reason", "grace_ms", "keep_counters", "run_at", "priority"]
    }

    /// `POST /v1/actions`: begins one, or with `dry_run` only counts the jobs.
    private func begin(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let options = try await request.options(known: ["action"] + Self.optionNames)
        let filter = try options.object("filter", known: JobQuery.names)
        return try await act(
            try JobChange(options), matching: try filter.map(JobQuery.init) ?? JobQuery(), options)
    }

    /// `POST /v1/queues/{queue}/purge`: deletes the queue's jobs but those that run.
    private func purge(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let name = try context.queueName()
        let options = try await request.options(known: ["filter", "rate", "dry_run"])
        let names = JobQuery.names.filter { $0 != "queue" }
        let filter = try options.object("filter", known: names)
        var query = try filter.map(JobQuery.init) ?? JobQuery()
        query.queue = name
        return try await act(.purge, matching: query, options)
    }

    private func act(
        _ change: JobChange, matching query: JobQuery, _ options: RequestOptions
    ) async throws -> Response {
        let rate = try options.integer("rate", in: 1...Int(Limits.actionRateMax))
        if try options.flag("dry_run") {
            var object = JSONObject()
            object.set("dry_run", true)
            object.set("count", try await count(of: change, matching: query))
            return .json(object)
        }
        let action = try await server.actOnAll(change, matching: query, rate: rate)
        return .json(
            action.object, status: .accepted, headers: [.location: "/v1/actions/\(action.id)"])
    }

    /// Jobs that match and are in a state which the action is for.
    private func count(
        of change: JobChange, matching query: JobQuery
    ) async throws(MartletError) -> Int {
        var query = query
        query.states =
            query.states.isEmpty ? change.states : query.states.intersection(change.states)
        // No state at all would mean all of them.
        return query.states.isEmpty ? 0 : try await server.count(matching: query)
    }

    /// `GET /v1/actions/{id}[?wait=SECONDS]`: how far it is, or its end.
    private func look(_ request: Request, context: Context) async throws -> Response {
        let id = try context.actionID()
        let query = try RequestOptions(request, known: ["wait"])
        let end = ContinuousClock.now + (try query.wait(max: limits.httpWaitMax))
        var action = try await server.action(ActionGet(action: id))
        while action.state == .running, ContinuousClock.now < end, !Task.isShuttingDownGracefully {
            let rest = min(end - ContinuousClock.now, Self.pieceMax)
            let milliseconds = UInt32(max(1, rest / .milliseconds(1)))
            action = try await server.action(ActionGet(action: id, waitMilliseconds: milliseconds))
        }
        return .json(action.object)
    }

    /// A wait is cut into pieces, each of which is answered well within a request's time.
    private static var pieceMax: Duration { .seconds(2) }

    /// `DELETE /v1/actions/{id}`: ends it where it is. What it has done stays done.
    private func stop(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let action = try await server.action(ActionGet(action: context.actionID(), stops: true))
        return .json(action.object)
    }
}

extension ActionInfo {
    fileprivate var object: JSONObject { BulkActionJSON(id: id, BulkAction.Status(self)).object }
}

extension JobChange {
    private enum Kind {
        case cancel
        case retry
        case delete
        case reprioritise
        case purge
    }

    fileprivate init(_ options: RequestOptions) throws(Problem) {
        let kind = try options.choice(
            "action",
            [
                "cancel": Kind.cancel, "retry": .retry, "delete": .delete,
                "reprioritise": .reprioritise, "purge": .purge,
            ])
        let said = ["reason", "grace_ms", "keep_counters", "run_at", "priority"].filter {
            options.has($0)
        }
        let change: JobChange
        let own: [String]
        switch kind {
        case .cancel: (change, own) = (try JobChange(cancel: options), ["reason", "grace_ms"])
        case .retry: (change, own) = (try JobChange(retry: options), ["keep_counters", "run_at"])
        case .delete: (change, own) = (.delete, [])
        case .purge: (change, own) = (.purge, [])
        case .reprioritise:
            guard let priority = try options.integer("priority", in: 0...255) else {
                throw options.invalid("priority", "a number from 0 to 255")
            }
            (change, own) = (.reprioritise(UInt8(priority)), ["priority"])
        case nil:
            throw options.invalid("action", "cancel, retry, delete, reprioritise, purge")
        }
        if let other = said.first(where: { !own.contains($0) }) {
            throw .optionInvalid("\(other) is an option of another action")
        }
        self = change
    }

    /// The states that it is for.
    fileprivate var states: Set<JobStatus.State> {
        switch self {
        case .cancel: [.scheduled, .ready, .running, .held]
        case .retry: [.scheduled, .dead, .cancelled, .expired]
        case .delete: [.completed, .dead, .cancelled, .expired]
        case .reprioritise: [.scheduled, .ready, .held, .dead]
        case .purge: Set(JobStatus.State.allCases).subtracting([.running])
        }
    }
}
