import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// The listener and the links of all event loops, from start to end.
struct Switchboard: Service {
    let configuration: GatewayConfiguration
    let group: MultiThreadedEventLoopGroup
    let census: Census
    let logger: Logger
    /// Told the address that was bound.
    let bound: EventLoopPromise<SocketAddress>

    private typealias Links = [ObjectIdentifier: NIOLoopBound<BrokerLink>]

    func run() async throws {
        let links = try await makeLinks()
        do {
            let listener = try await listen(with: links)
            if let address = listener.localAddress { bound.succeed(address) }
            let isGraceful = await untilShutdown()
            try await listener.close()
            if isGraceful { try await drain(links) }
        } catch {
            try await stop(links)
            throw error
        }
        try await stop(links)
    }

    /// Returns whether there is time to say goodbye.
    private func untilShutdown() async -> Bool {
        do {
            try await gracefulShutdown()
            return true
        } catch {
            return false
        }
    }

    private func makeLinks() async throws -> Links {
        var links: Links = [:]
        for eventLoop in group.makeIterator() {
            links[ObjectIdentifier(eventLoop)] = try await eventLoop.submit {
                let link = BrokerLink(
                    on: eventLoop, configuration: configuration, census: census, logger: logger)
                link.start()
                return NIOLoopBound(link, eventLoop: eventLoop)
            }.get()
        }
        return links
    }

    private func listen(with links: Links) async throws -> any Channel {
        let address = configuration.listen
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let link = links[ObjectIdentifier(channel.eventLoop)]?.value else {
                        preconditionFailure("a client on an event loop without a link")
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        GatewayHandler(
                            link: link, tokens: configuration.tokens, limits: configuration.limits,
                            logger: logger))
                }
            }
        do {
            return try await bootstrap.bind(host: address.host, port: address.port).get()
        } catch {
            throw GatewayFailure.cannotListen(on: address, error)
        }
    }

    private func drain(_ links: Links) async throws {
        let time = configuration.limits.drainTimeout
        let drained = links.values.map { link in
            link.eventLoop.flatSubmit { link.value.drain(within: time) }
        }
        for future in drained { try await future.get() }
    }

    private func stop(_ links: Links) async throws {
        for link in links.values {
            try await link.eventLoop.submit { link.value.stop() }.get()
        }
    }
}
