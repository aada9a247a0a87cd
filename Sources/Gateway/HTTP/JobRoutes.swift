import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore
import ServiceLifecycle

/// Looking at one job: its state, its result, its log, and why it is where it is.
struct JobRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer
    let limits: GatewayLimits

    func add(to router: some RouterMethods<Context>) {
        router.get("v1/jobs/{id}", use: job)
        router.get("v1/jobs/{id}/result", use: result)
        router.get("v1/jobs/{id}/explain", use: explanation)
        router.get("v1/jobs/{id}/logs", use: log)
    }

    /// `GET /v1/jobs/{id}[?wait=SECONDS]`: the job as it is, or as it is once it is finished or the time is over.
    private func job(_ request: Request, context: Context) async throws -> Response {
        let job = try await find(request, context, parts: [])
        return .job(job, to: request)
    }

    /// `GET /v1/jobs/{id}/explain`: why the job is where it is.
    private func explanation(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        return .json(ExplanationJSON(try await server.explanation(of: context.jobID())).object)
    }

    /// `GET /v1/jobs/{id}/logs[?from=OFFSET][&limit=LINES][&wait=SECONDS]`: lines that are kept, and where to go
    /// on; with a time to wait, the next lines that come.
    private func log(_ request: Request, context: Context) async throws -> Response {
        let id = try context.jobID()
        let query = try RequestOptions(request, known: ["from", "limit", "wait"])
        let from = try query.integer("from", in: 0...RequestOptions.integerMax) ?? 0
        let limit = try query.integer("limit", in: 1...Int(Limits.logLimitMax))
        let end = ContinuousClock.now + (try query.wait(max: limits.httpWaitMax))
        var isFinished = try await server.job(id, parts: []).state.isFinished
        var page: LogPage
        while true {
            page = try await server.log(
                of: id, from: UInt64(from), limit: limit.map { UInt16($0) } ?? Limits.logLimitMax)
            let time = min(end - .now, JobLog.followInterval)
            guard page.lines.isEmpty, !isFinished, time > .zero, !Task.isShuttingDownGracefully
            else { break }
            isFinished = try await finished(id, [], within: time) != nil
        }
        var object = JSONObject()
        object.set("lines", page.lines.map { LogLineJSON(JobLog.Line($0)).object })
        object.set("next", page.next)
        object.set("finished", isFinished)
        return .json(object)
    }

    /// `GET /v1/jobs/{id}/result[?wait=SECONDS]`: the result's bytes.
    private func result(_ request: Request, context: Context) async throws -> Response {
        let job = try await find(request, context, parts: .result)
        guard job.state.isFinished else { throw Problem.notFinished(job) }
        guard job.state == .completed else { throw Problem.endedInFailure(job) }
        guard let result = job.result else { return Response(status: .noContent) }
        // A job that is retried finishes again, later.
        let tag = EntityTag("\(job.id)-\(job.finishedAt)-\(result.checksum)")
        if tag.isKnown(to: request) { return tag.notModified }
        return try await response(for: result, tag)
    }

    private func find(
        _ request: Request, _ context: Context, parts: JobParts
    ) async throws -> JobInfo {
        let id = try context.jobID()
        let query = try RequestOptions(request, known: ["wait"])
        let wait = try query.wait(max: limits.httpWaitMax)
        if wait > .zero, let job = try await finished(id, parts, within: wait) { return job }
        return try await server.job(id, parts: parts)
    }

    /// The job once it is finished, or `nil` when it is not in time, or the gateway is going away.
    private func finished(
        _ id: JobStatus.ID, _ parts: JobParts, within time: Duration
    ) async throws -> JobInfo? {
        do {
            return try await cancelWhenGracefulShutdown {
                try await server.finishedJob(id, parts: parts, within: time)
            }
        } catch let error as MartletError
            where error.code == .waitTimeout || error.code == .cancelled
        {
            return nil
        }
    }

    private func response(for result: Payload, _ tag: EntityTag) async throws -> Response {
        let bytes = try await server.inflate(result)
        var headers = tag.headers
        headers[.contentType] = ResultType.of(bytes).rawValue
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }
}

extension Response {
    /// A job. A finished one can be asked for again with its tag: what it costs is to be told that it is
    /// still the same.
    static func job(_ job: JobInfo, to request: Request) -> Response {
        let object = JobJSON(JobStatus(job)).object
        guard job.state.isFinished else { return .json(object) }
        let tag = EntityTag(of: object.text)
        return tag.isKnown(to: request) ? tag.notModified : .json(object, headers: tag.headers)
    }
}

/// What a result is said to be. The broker knows bytes alone, so the gateway looks at them.
enum ResultType: String {
    case json = "application/json"
    case bytes = "application/octet-stream"

    /// JSON when the first byte that is not blank opens an object or an array, the last one closes
    /// it, and all is UTF-8: nobody parses 16 MiB to write a header. A number or a string alone
    /// could be anything, and stays bytes.
    static func of(_ buffer: ByteBuffer) -> ResultType {
        let bytes = buffer.readableBytesView
        guard let first = bytes.first(where: isVisible), let last = bytes.last(where: isVisible)
        else {
            return .bytes
        }
        switch (first, last) {
        case (UInt8(ascii: "{"), UInt8(ascii: "}")), (UInt8(ascii: "["), UInt8(ascii: "]")): break
        default: return .bytes
        }
        return String(validating: bytes, as: UTF8.self) == nil ? .bytes : .json
    }

    private static func isVisible(_ byte: UInt8) -> Bool {
        !" \t\r\n".utf8.contains(byte)
    }
}
