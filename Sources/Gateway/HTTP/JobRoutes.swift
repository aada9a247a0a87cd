import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore
import ServiceLifecycle

/// Looking at one job: its state, and its result.
struct JobRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer
    let limits: GatewayLimits

    func add(to router: some RouterMethods<Context>) {
        router.get("v1/jobs/{id}", use: job)
        router.get("v1/jobs/{id}/result", use: result)
    }

    /// `GET /v1/jobs/{id}[?wait=SECONDS]`: the job as it is, or as it is once it is finished or the time is over.
    private func job(_ request: Request, context: Context) async throws -> Response {
        let job = try await find(request, context, parts: [])
        return .json(JobJSON(JobStatus(job)).object)
    }

    /// `GET /v1/jobs/{id}/result[?wait=SECONDS]`: the result's bytes.
    private func result(_ request: Request, context: Context) async throws -> Response {
        let job = try await find(request, context, parts: .result)
        guard job.state.isFinished else { throw Problem.notFinished(job) }
        guard job.state == .completed else { throw Problem.endedInFailure(job) }
        guard let result = job.result else { return Response(status: .noContent) }
        return try await response(for: result)
    }

    private func find(
        _ request: Request, _ context: Context, parts: JobParts
    ) async throws -> JobInfo {
        let text = try context.parameters.require("id")
        guard let id = JobStatus.ID(text) else { throw Problem.idInvalid(text) }
        let longest = UInt64(limits.httpWaitMax.milliseconds)
        let query = try RequestOptions(request, known: ["wait"])
        let wait = try query.milliseconds("wait", in: 0...longest)
        if let wait, wait > 0, let job = try await finished(id, parts, within: wait) { return job }
        return try await server.job(id, parts: parts)
    }

    /// The job once it is finished, or `nil` when it is not in time, or the gateway is going away.
    private func finished(
        _ id: JobStatus.ID, _ parts: JobParts, within milliseconds: UInt64
    ) async throws -> JobInfo? {
        do {
            return try await cancelWhenGracefulShutdown {
                try await server.finishedJob(
                    id, parts: parts, within: .milliseconds(milliseconds))
            }
        } catch let error as MartletError
            where error.code == .waitTimeout || error.code == .cancelled
        {
            return nil
        }
    }

    private func response(for result: Payload) async throws -> Response {
        let bytes = try await server.inflate(result)
        var headers = HTTPFields()
        headers[.contentType] = ResultType.of(bytes).rawValue
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
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

extension Response {
    static func json(
        _ object: JSONObject, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        lines([object], type: "application/json", status: status, headers: headers)
    }

    /// One object a line.
    static func lines(
        _ objects: [JSONObject], type: String = "application/x-ndjson",
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        headers[.cacheControl] = "no-store"
        var body = ByteBuffer()
        for object in objects { body.writeString(object.text + "\n") }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
