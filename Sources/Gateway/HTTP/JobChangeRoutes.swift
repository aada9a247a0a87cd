import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// Changing one job. Each answers with the job as it is then.
struct JobChangeRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer
    let budget: UploadBudget

    func add(to router: some RouterMethods<Context>) {
        router.patch("v1/jobs/{id}", use: edit)
        router.delete("v1/jobs/{id}", use: delete)
        router.post("v1/jobs/{id}/cancel", use: cancel)
        router.post("v1/jobs/{id}/retry", use: retry)
    }

    /// `PATCH /v1/jobs/{id}`: payload, priority, times, tags and headers of a job that waits or is dead.
    private func edit(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let id = try context.jobID()
        let payloadBytesMax = try await server.payloadBytesMax
        let limit = Submission.objectBytesMax(payloadBytesMax: payloadBytesMax)
        return try await request.withBody(
            bytesMax: limit, budget: budget,
            tooLarge: { WireError.payloadTooLarge(actual: $0, limit: limit) }
        ) { bytes in
            let body = try JSONBody(bytes, opaque: "payload")
            let members = try RequestOptions(
                body.members, known: ["payload", "payload_base64"] + JobOptions.editNames)
            let payload = try members.payload(opaque: body.opaque)
            guard !members.isEmpty || payload != nil else {
                throw Problem.optionInvalid(
                    "nothing is to be changed; say one of payload, payload_base64, "
                        + JobOptions.editNames.joined(separator: ", "))
            }
            if let payload, payload.readableBytes == 0 { throw WireError.payloadEmpty() }
            let options = try JobOptions(members: members)
            try await server.edit(
                id, options: options, removing: JobLabels(emptyIn: members, options),
                payload: payload)
            return try await job(id)
        }
    }

    /// `DELETE /v1/jobs/{id}`: a finished job.
    private func delete(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        try await server.act(.delete, on: context.jobID())
        return Response(status: .noContent)
    }

    /// `POST /v1/jobs/{id}/cancel`: 202 while the handler of a running job has time to stop.
    private func cancel(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let id = try context.jobID()
        let options = try await request.options(known: ["reason", "grace_ms"])
        let state = try await server.act(try JobChange(cancel: options), on: id)
        return try await job(id, status: state == .cancelled ? .ok : .accepted)
    }

    /// `POST /v1/jobs/{id}/retry`: a dead, cancelled, expired or scheduled job.
    private func retry(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let id = try context.jobID()
        let options = try await request.options(known: ["keep_counters", "run_at"])
        try await server.act(try JobChange(retry: options), on: id)
        return try await job(id)
    }

    private func job(
        _ id: JobStatus.ID, status: HTTPResponse.Status = .ok
    ) async throws -> Response {
        let job = try await server.job(id, parts: [])
        return .json(JobJSON(JobStatus(job)).object, status: status)
    }
}

extension JobLabels {
    /// What is said to be empty: `"tags": []`, `"headers": {}`.
    fileprivate init(emptyIn members: RequestOptions, _ options: JobOptions) {
        self = []
        if members.has("tags"), options.tags.isEmpty { insert(.tags) }
        if members.has("headers"), options.headers.isEmpty { insert(.headers) }
    }
}

extension JobChange {
    init(cancel options: RequestOptions) throws(Problem) {
        self = .cancel(
            reason: try options.text("reason") ?? "",
            grace: try options.milliseconds(
                "grace_ms", in: 0...UInt64(Limits.cancelGraceMillisecondsMax)))
    }

    init(retry options: RequestOptions) throws(Problem) {
        self = .retry(
            keepingCounters: try options.flag("keep_counters"), at: try options.instant("run_at"))
    }
}
