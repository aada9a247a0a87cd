import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// `POST /v1/queues/{queue}/jobs`: one job, or many as `application/x-ndjson`.
///
/// The body of one job is its payload, whatever its content type. Of NDJSON each line that is not
/// empty is a payload, without its newline. Type and options come as query parameters, the type
/// also as the header `Martlet-Type`.
struct SubmissionRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer
    let merger: SubmissionMerger
    let budget: UploadBudget
    let limits: GatewayLimits

    func add(to router: some RouterMethods<Context>) {
        router.post("v1/queues/{queue}/jobs", use: submit)
    }

    private func submit(_ request: Request, context: Context) async throws -> Response {
        let queue = try context.parameters.require("queue")
        let destination = try Destination(request, queue: queue)
        let type = request.headers[.contentType]?.split(separator: ";").first ?? ""
        return type.lowercased() == "application/x-ndjson"
            ? try await submitLines(request, to: destination)
            : try await submitOne(request, to: destination)
    }

    // MARK: One job

    private func submitOne(
        _ request: Request, to destination: Destination
    ) async throws -> Response {
        let bytesMax = try await server.payloadBytesMax
        let length = request.contentLength
        if let length, length > bytesMax {
            throw WireError.payloadTooLarge(actual: length, limit: bytesMax)
        }
        var taken = length ?? 0
        try budget.take(taken)
        defer { budget.release(taken) }
        var payload = ByteBuffer()
        for try await part in request.body {
            payload.writeImmutableBuffer(part)
            if payload.readableBytes > bytesMax {
                throw WireError.payloadTooLarge(actual: payload.readableBytes, limit: bytesMax)
            }
            guard payload.readableBytes > taken else { continue }
            try budget.take(part.readableBytes)
            taken += part.readableBytes
        }
        guard payload.readableBytes > 0 else { throw WireError.payloadEmpty() }
        let id = try await merger.submit(payload, to: destination)
        return .json(
            SubmissionJSON(id, destination).object, status: .created,
            headers: [.location: "/v1/jobs/\(id)"])
    }

    // MARK: Many

    private static var someRefused: HTTPResponse.Status {
        HTTPResponse.Status(code: 207, reasonPhrase: "Multi-Status")
    }

    /// Submits batch by batch while the body comes, so that memory is bounded by a batch; answers
    /// when it has come, with one line for each job: 201 when all were accepted, 207 when some were
    /// not.
    private func submitLines(
        _ request: Request, to destination: Destination
    ) async throws -> Response {
        let limit = limits.httpBodyBytesMax
        if let length = request.contentLength, length > limit {
            throw Problem.bodyTooLarge(actual: length, limit: limit)
        }
        let payloadBytesMax = try await server.payloadBytesMax
        let taken = min(request.contentLength ?? limit, LineBatch.bytesMax + payloadBytesMax)
        try budget.take(taken)
        defer { budget.release(taken) }
        var lines = LineSplitter(bytesMax: payloadBytesMax)
        var batch = LineBatch(
            server: server, destination: destination, payloadBytesMax: payloadBytesMax,
            jobsMax: limits.httpJobsMax)
        var bytes = 0
        for try await part in request.body {
            bytes += part.readableBytes
            if bytes > limit { await batch.end(.bodyTooLarge(actual: bytes, limit: limit)) }
            for line in lines.append(part) { await batch.add(line) }
            if batch.isOver { break }
        }
        if let line = lines.finish() { await batch.add(line) }
        await batch.flush()
        return try response(to: batch, destination)
    }

    /// - Throws: the `Problem` that ended the request before any job was accepted.
    private func response(to batch: LineBatch, _ destination: Destination) throws -> Response {
        let accepted = batch.acceptedCount
        if accepted == 0, let ending = batch.ending { throw ending }
        if batch.outcomes.isEmpty { throw WireError.payloadEmpty() }
        let objects = batch.outcomes.compactMap { outcome -> JSONObject? in
            switch outcome {
            case .accepted(let id): SubmissionJSON(id, destination).object
            case .refused(let problem): problem.object
            case nil: nil
            }
        }
        return .lines(
            objects, status: accepted == batch.outcomes.count ? .created : Self.someRefused)
    }
}

extension Request {
    /// What the body's length is said to be.
    fileprivate var contentLength: Int? { headers[.contentLength].flatMap { Int($0) } }
}

extension SubmissionJSON {
    fileprivate init(_ id: JobStatus.ID, _ destination: Destination) {
        self.init(id: id, queue: destination.queue, type: destination.type)
    }
}
