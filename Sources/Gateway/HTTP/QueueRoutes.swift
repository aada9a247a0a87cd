import Foundation
import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire

/// Queues: their counters and settings, and what they can be told.
struct QueueRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer

    func add(to router: some RouterMethods<Context>) {
        router.get("v1/queues", use: queues)
        router.get("v1/queues/{queue}", use: queue)
        router.put("v1/queues/{queue}", use: replaceSettings)
        router.patch("v1/queues/{queue}", use: changeSettings)
        router.delete("v1/queues/{queue}", use: delete)
        router.get("v1/queues/{queue}/times", use: times)
        router.post("v1/queues/{queue}/pause", use: pause)
        router.post("v1/queues/{queue}/resume", use: resume)
        router.post("v1/queues/{queue}/drain", use: drain)
    }

    // MARK: Looking

    /// `GET /v1/queues`: all of them, as `{"queues": […]}`.
    private func queues(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let now = Date()
        let queues = try await server.queues().map { QueueJSON($0, now: now).object }
        var object = JSONObject()
        object.set("queues", queues)
        return .json(object)
    }

    private func queue(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        return try await queue(context.queueName())
    }

    /// `GET /v1/queues/{queue}/times`: how long jobs waited and ran, type by type.
    private func times(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let name = try context.queueName()
        let times = try await server.times(in: name)
        var object = JSONObject()
        object.set("types", times.map { QueueTimesJSON($0).object })
        return .json(object)
    }

    // MARK: Telling

    /// `PUT /v1/queues/{queue}`: what is not said goes back to what a queue has that was told nothing.
    private func replaceSettings(_ request: Request, context: Context) async throws -> Response {
        let name = try context.queueName()
        return try await configure(name, settings(request).orElse(.untold))
    }

    /// `PATCH /v1/queues/{queue}`: what is not said stays as it is.
    private func changeSettings(_ request: Request, context: Context) async throws -> Response {
        let name = try context.queueName()
        return try await configure(name, settings(request))
    }

    private func settings(_ request: Request) async throws -> QueueOptions {
        _ = try RequestOptions(request, known: [])
        return try QueueOptions(await request.settings(known: QueueOptions.names))
    }

    private func configure(_ name: String, _ options: QueueOptions) async throws -> Response {
        try await server.configureQueue(name, options)
        return try await queue(name)
    }

    private func pause(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let name = try context.queueName()
        let options = try await request.options(known: ["by", "reason"])
        try await server.pauseQueue(
            name, by: try options.text("by") ?? "", reason: try options.text("reason") ?? "")
        return try await queue(name)
    }

    private func resume(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let name = try context.queueName()
        _ = try await request.options(known: [])
        try await server.resumeQueue(name)
        return try await queue(name)
    }

    /// `POST /v1/queues/{queue}/drain`: refuses submissions, or with `{"drain": false}` takes them again.
    private func drain(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let name = try context.queueName()
        let options = try await request.options(known: ["drain"])
        try await server.drainQueue(name, options.has("drain") ? options.flag("drain") : true)
        return try await queue(name)
    }

    /// `DELETE /v1/queues/{queue}[?with_jobs=true]`
    private func delete(_ request: Request, context: Context) async throws -> Response {
        let withJobs = try RequestOptions(request, known: ["with_jobs"]).flag("with_jobs")
        let name = try context.queueName()
        try await server.deleteQueue(name, withJobs: withJobs)
        return Response(status: .noContent)
    }

    private func queue(_ name: String) async throws -> Response {
        .json(QueueJSON(try await server.queue(name), now: Date()).object)
    }
}

extension QueueOptions {
    /// What a queue has that was told nothing.
    fileprivate static let untold = QueueOptions(
        depthMax: 0, bytesMax: 0, order: .firstInFirstOut, defaults: JobOptions())

    fileprivate func orElse(_ other: QueueOptions) -> QueueOptions {
        QueueOptions(
            depthMax: depthMax ?? other.depthMax, bytesMax: bytesMax ?? other.bytesMax,
            order: order ?? other.order, defaults: defaults ?? other.defaults)
    }

    fileprivate static let names = ["depth_max", "bytes_max", "order", "defaults"]

    fileprivate init(_ options: RequestOptions) throws(Problem) {
        let numbers = 0...RequestOptions.integerMax
        self.init(
            depthMax: try options.integer("depth_max", in: numbers).map { UInt64($0) },
            bytesMax: try options.integer("bytes_max", in: numbers).map { UInt64($0) },
            order: try options.choice(
                "order", ["fifo": Order.firstInFirstOut, "lifo": .lastInFirstOut]),
            defaults: try options.object("defaults", known: JobOptions.defaultNames)
                .map { (members) throws(Problem) in try JobOptions(members: members) })
    }
}
