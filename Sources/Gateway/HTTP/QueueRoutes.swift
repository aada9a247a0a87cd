import Foundation
import Hummingbird
import MartletClient

/// `GET /v1/queues`: all queues and their counters, as `{"queues": […]}` on one line.
struct QueueRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer

    func add(to router: some RouterMethods<Context>) {
        router.get("v1/queues", use: queues)
    }

    private func queues(_ request: Request, context: Context) async throws -> Response {
        _ = try RequestOptions(request, known: [])
        let now = Date()
        let queues = try await server.queues().map { QueueJSON($0, now: now).object }
        var object = JSONObject()
        object.set("queues", queues)
        return .json(object)
    }
}
