import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// `POST /v1/queues/{queue}/jobs`: one job, or many as `application/x-ndjson`, their payloads being the
/// body or its lines, and their options query parameters. `POST /v1/jobs`: the same, each job being a
/// JSON object with its payload, queue and options.
struct SubmissionRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer
    let merger: SubmissionMerger
    let budget: UploadBudget
    let limits: GatewayLimits

    func add(to router: some RouterMethods<Context>) {
        router.post("v1/queues/{queue}/jobs", use: payloads)
        router.post("v1/jobs", use: objects)
    }

    private func payloads(_ request: Request, context: Context) async throws -> Response {
        let queue = try context.queueName()
        let query = try RequestOptions(request, known: ["type", "atomic"] + JobOptions.queryNames)
        let header = Destination.typeHeader.flatMap { request.headers[$0] }
        let type = try query.text("type") ?? header
        let isAtomic = try query.flag("atomic")
        var options = try JobOptions(query: query)
        if request.isLines {
            try request.refuseIdempotencyKey()
            let destination = try Destination(queue: queue, type: type, options: options)
            return try await lines(
                of: request, lineBytesMax: { $0 }, isAtomic: isAtomic
            ) {
                Submission(payload: $0, to: destination)
            }
        }
        try options.add(request)
        let destination = try Destination(queue: queue, type: type, options: options)
        return try await one(request, bytesMax: { $0 }) {
            Submission(payload: $0, to: destination)
        }
    }

    private func objects(_ request: Request, context: Context) async throws -> Response {
        let isAtomic = try RequestOptions(request, known: ["atomic"]).flag("atomic")
        if request.isLines {
            try request.refuseIdempotencyKey()
            return try await lines(
                of: request, lineBytesMax: Submission.objectBytesMax, isAtomic: isAtomic
            ) { (line) throws(Problem) in
                try Submission(json: line)
            }
        }
        return try await one(request, bytesMax: Submission.objectBytesMax) {
            (body) throws(Problem) in
            try Submission(json: body) { (options) throws(Problem) in try options.add(request) }
        }
    }

    // MARK: One job

    private func one(
        _ request: Request, bytesMax: (Int) -> Int,
        _ read: (ByteBuffer) throws(Problem) -> Submission
    ) async throws -> Response {
        let payloadBytesMax = try await server.payloadBytesMax
        let limit = bytesMax(payloadBytesMax)
        return try await request.withBody(
            bytesMax: limit, budget: budget,
            tooLarge: { WireError.payloadTooLarge(actual: $0, limit: limit) }
        ) { body in
            let job = try read(body)
            let bytes = job.payload.readableBytes
            guard bytes > 0 else { throw WireError.payloadEmpty() }
            guard bytes <= payloadBytesMax else {
                throw WireError.payloadTooLarge(actual: bytes, limit: payloadBytesMax)
            }
            let pushed = try await merger.submit(job.payload, to: job.destination)
            return .json(
                SubmissionJSON(pushed, job.destination).object,
                status: pushed.wasDuplicate ? .ok : .created,
                headers: [.location: "/v1/jobs/\(pushed.id)"])
        }
    }

    // MARK: Many

    private static var someRefused: HTTPResponse.Status {
        HTTPResponse.Status(code: 207, reasonPhrase: "Multi-Status")
    }

    /// Submits batch by batch while the body comes, so that memory is bounded by a batch, unless all
    /// or none are to be accepted; answers when it has come, with one line for each job: 201 when all
    /// were accepted, 207 when some were not.
    private func lines(
        of request: Request, lineBytesMax: (Int) -> Int, isAtomic: Bool,
        read: @escaping (ByteBuffer) throws(Problem) -> Submission
    ) async throws -> Response {
        let limit = limits.httpBodyBytesMax
        if let length = request.contentLength, length > limit {
            throw Problem.bodyTooLarge(actual: length, limit: limit)
        }
        let payloadBytesMax = try await server.payloadBytesMax
        let inMemory = isAtomic ? limit : LineBatch.bytesMax + payloadBytesMax
        let taken = min(request.contentLength ?? limit, inMemory)
        try budget.take(taken)
        defer { budget.release(taken) }
        var lines = LineSplitter(bytesMax: lineBytesMax(payloadBytesMax))
        var batch = LineBatch(
            server: server,
            limits: LineLimits(
                payloadBytesMax: payloadBytesMax,
                jobsMax: isAtomic ? Limits.batchMax : limits.httpJobsMax, isAtomic: isAtomic),
            read: read)
        var bytes = 0
        for try await part in request.body {
            bytes += part.readableBytes
            if bytes > limit { await batch.end(.bodyTooLarge(actual: bytes, limit: limit)) }
            for line in lines.append(part) { await batch.add(line) }
            if batch.isOver { break }
        }
        if let line = lines.finish() { await batch.add(line) }
        await batch.flush()
        if isAtomic, let refusal = batch.firstRefusal { throw refusal.problem.at(refusal.line) }
        return try response(to: batch)
    }

    /// - Throws: the `Problem` that ended the request before any job was accepted.
    private func response(to batch: LineBatch) throws -> Response {
        let accepted = batch.acceptedCount
        if accepted == 0, let ending = batch.ending { throw ending }
        if batch.outcomes.isEmpty { throw WireError.payloadEmpty() }
        let objects = batch.outcomes.compactMap { outcome -> JSONObject? in
            switch outcome {
            case .accepted(let job, let destination): SubmissionJSON(job, destination).object
            case .refused(let problem): problem.object
            case nil: nil
            }
        }
        return .lines(
            objects, status: accepted == batch.outcomes.count ? .created : Self.someRefused)
    }
}

extension Request {
    /// Whether the body is many jobs, one a line.
    fileprivate var isLines: Bool {
        let type = headers[.contentType]?.split(separator: ";").first ?? ""
        return type.lowercased() == "application/x-ndjson"
    }

    fileprivate func refuseIdempotencyKey() throws(Problem) {
        guard Destination.idempotencyKey.flatMap({ headers[$0] }) == nil else {
            throw .optionInvalid("Idempotency-Key is for one job; lines can have a unique key each")
        }
    }
}

extension Problem {
    fileprivate func at(_ line: Int) -> Problem {
        var problem = self
        problem.line = line
        return problem
    }
}
