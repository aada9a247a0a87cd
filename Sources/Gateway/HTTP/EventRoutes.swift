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
        let place = try await place(behind: request.lastEvent(query))
        return stream(
            server.events(matching: filter, after: place, endsWithJob: false), after: place)
    }

    /// `GET /v1/jobs/{id}/events`: of one job, until it is finished. 204 when it is, and nothing is left to be
    /// told: a browser asks no more then.
    private func jobEvents(_ request: Request, context: Context) async throws -> Response {
        let query = try RequestOptions(request, known: ["progress", "after"])
        let id = try context.jobID()
        let filter = EventFilter(job: id, includesProgress: try query.flag("progress"))
        let seen = try request.lastEvent(query)
        let place = try await place(behind: seen)
        let job = try await server.job(id, parts: [])
        let events = server.events(matching: filter, after: place, endsWithJob: true)
        guard job.state.isFinished else { return stream(events, after: place) }
        guard seen != nil else { return Response(status: .noContent) }
        return try await rest(of: events)
    }

    /// Where a stream begins.
    private func place(behind seen: UInt64?) async throws(MartletError) -> UInt64 {
        if let seen { return seen }
        return try await server.lastEventOffset()
    }

    /// A finished job's last events, which may have come while the connection was broken.
    private func rest(of events: Events) async throws -> Response {
        let body = try await cancelWhenGracefulShutdown {
            var body = ByteBuffer()
            for try await event in events { body.writeImmutableBuffer(event.serverSent) }
            return body
        }
        guard body.readableBytes > 0 else { return Response(status: .noContent) }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
    }

    private func stream(_ events: Events, after: UInt64) -> Response {
        let stream = EventStream(events: events, after: after, beat: limits.httpEventBeat)
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await stream.write(to: &writer)
                try await writer.finish(nil)
            })
    }

    private var headers: HTTPFields {
        [.contentType: "text/event-stream", .cacheControl: "no-store"]
    }

    private typealias Events = any AsyncSequence<JobEvents.Event, MartletError> & Sendable
}

extension Request {
    /// Offset of the last event that was seen, from the header that browsers send, or from the query.
    ///
    /// - Returns: nil when there was none, or it is said to be 0.
    fileprivate func lastEvent(_ query: RequestOptions) throws(Problem) -> UInt64? {
        if let after = try query.offset("after") { return after > 0 ? after : nil }
        guard let text = HTTPField.Name("Last-Event-ID").flatMap({ headers[$0] }) else {
            return nil
        }
        guard let after = UInt64(text) else {
            throw .optionInvalid("Last-Event-ID", .string(text), wanted: "an event's id")
        }
        return after > 0 ? after : nil
    }
}
