import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore
import ServiceLifecycle

/// Events as they happen, as server-sent events (WHATWG HTML, section 9.2).
struct EventRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer
    let limits: GatewayLimits

    func add(to router: some RouterMethods<Context>) {
        router.get("v1/events", use: events)
        router.get("v1/jobs/{id}/events", use: jobEvents)
    }

    /// `GET /v1/events`: of all jobs that match.
    private func events(_ request: Request, context: Context) async throws -> Response {
        let query = try RequestOptions(
            request, known: ["queue", "state", "type", "tag", "progress", "after"])
        let filter = EventFilter(
            queue: try query.queue(), states: try query.states(),
            type: try query.word("type", bytesMax: Limits.typeBytesMax),
            tag: try query.word("tag", bytesMax: Limits.tagBytesMax),
            includesProgress: try query.flag("progress"))
        return stream(filter, after: try request.lastEvent(query), endsWithJob: false)
    }

    /// `GET /v1/jobs/{id}/events`: of one job, until it is finished. 204 when it is: a browser asks no more then.
    private func jobEvents(_ request: Request, context: Context) async throws -> Response {
        let query = try RequestOptions(request, known: ["progress", "after"])
        let id = try context.jobID()
        let filter = EventFilter(job: id, includesProgress: try query.flag("progress"))
        let after = try request.lastEvent(query)
        let job = try await server.job(id, parts: [])
        if job.state.isFinished { return Response(status: .noContent) }
        return stream(filter, after: after, endsWithJob: true)
    }

    private func stream(
        _ filter: EventFilter, after: UInt64, endsWithJob: Bool
    ) -> Response {
        let stream = EventStream(
            events: server.events(matching: filter, after: after, endsWithJob: endsWithJob),
            beat: limits.httpEventBeat)
        let headers: HTTPFields = [
            .contentType: "text/event-stream", .cacheControl: "no-store",
        ]
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await stream.write(to: &writer)
                try await writer.finish(nil)
            })
    }
}

extension Request {
    /// Offset of the last event that was seen, from the header that browsers send, or from the query.
    fileprivate func lastEvent(_ query: RequestOptions) throws(Problem) -> UInt64 {
        if let after = try query.integer("after", in: 0...Int.max) { return UInt64(after) }
        guard let text = HTTPField.Name("Last-Event-ID").flatMap({ headers[$0] }) else { return 0 }
        guard let after = UInt64(text) else {
            throw .optionInvalid("Last-Event-ID", .string(text), wanted: "an event's id")
        }
        return after
    }
}
