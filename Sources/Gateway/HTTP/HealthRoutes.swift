import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire

/// `GET /livez`: this process runs. `GET /readyz`: and it has its broker. Whoever restarts
/// processes asks the first one: a broker that is down is not mended by restarting gateways.
struct HealthRoutes<Context: RequestContext>: Sendable {
    let isReady: @Sendable () -> Bool

    func add(to router: some RouterMethods<Context>) {
        router.get("livez") { _, _ in Self.ok }
        router.get("readyz") { _, _ in
            guard isReady() else {
                throw Problem(
                    status: .serviceUnavailable, code: ErrorCode.unavailable.name,
                    detail: "the gateway has no broker now", isRetryable: true, retryAfterSeconds: 1
                )
            }
            return Self.ok
        }
    }

    private static var ok: Response {
        var object = JSONObject()
        object.set("status", "ok")
        return .json(object)
    }
}
