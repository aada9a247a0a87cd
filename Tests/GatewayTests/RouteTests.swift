import Hummingbird
import MartletWire
import NIOCore
import NIOPosix
import Testing

@testable import Gateway

struct RouteTests {
    @Test func `every route is in openapi.yaml, and every operation there is a route`() throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let bound = group.any().makePromise(of: SocketAddress?.self)
        bound.succeed(nil)
        let front = HTTPFront(
            address: .init(host: "127.0.0.1", port: 0), tokens: .none, limits: GatewayLimits(),
            server: FakeJobServer(), isReady: { true }, group: group, logger: .quiet, bound: bound)
        let routes = front.router().routes
            .filter { $0.method != .head }
            .map {
                "\($0.method.rawValue) \($0.path.description.hasPrefix("/") ? "" : "/")\($0.path)"
            }
        let documented = try OpenAPI.document().operations
        #expect(documented.count > 20)
        #expect(Set(routes) == documented)
    }
}
