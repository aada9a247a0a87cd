package import MartletWire
package import NIOCore

/// What a gateway needs to know. The defaults are those of `martlet gateway`.
package struct GatewayConfiguration: Sendable {
    /// A name or number of a host, and a port; port 0 lets the system choose one.
    package struct Address: Sendable, Hashable {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// What the gateway calls itself in its `HELLO`.
    static let name = "martlet-gateway/0.1.0"

    /// Where clients that speak the protocol are accepted.
    package var listen = Address(host: "127.0.0.1", port: 7410)
    /// Where HTTP is served; `nil`: nowhere.
    package var http: Address? = Address(host: "127.0.0.1", port: 7480)
    package var broker: Address
    /// The bearer tokens that are accepted, from clients and over HTTP alike; empty: everybody is welcome.
    package var tokens: AccessTokens = .none
    /// What the gateway shows to the broker.
    package var brokerToken = ""
    /// Threads that switch frames, each with its own link to the broker.
    package var eventLoops = System.coreCount
    package var limits = GatewayLimits()

    package init(broker: Address) {
        self.broker = broker
    }
}

/// The gateway's own bounds; those of the protocol are the broker's and reach clients through it.
package struct GatewayLimits: Sendable {
    /// Clients connected at a time. A client above it is answered `UNAVAILABLE` and closed. At most
    /// 65,535 per event loop: a link has no more channels.
    package var connectionsMax = 10_000
    /// From the accepted connection to its whole `HELLO`.
    package var helloTimeout: TimeAmount = .seconds(10)
    /// How long a `HELLO` waits for a link that is down. A broker restarts in less than this, so
    /// that its clients resume at their first attempt, instead of each at the end of a backoff.
    package var linkPatience: TimeAmount = .seconds(2)
    /// Bytes that may wait for a client that does not take them. Above it the client has
    /// `outputGrace` to fall below again: a worker's credit may well bring more at once than its
    /// network takes at once.
    package var outputBytesSoft = 8 << 20
    /// Above this many bytes the client is cut at once. More than the largest message and a worker's usual credit.
    package var outputBytesHard = 128 << 20
    package var outputGrace: TimeAmount = .seconds(10)
    /// Bytes that may wait for all clients of an event loop together; above it the link is not read.
    package var outputBytesAll = 256 << 20
    /// After an error that closes: how long the client has to read it and to close its side.
    package var lingerTimeout: TimeAmount = .seconds(2)
    /// Bytes that may wait for the broker on a link; above it, clients are not read until a quarter is left.
    package var linkOutputBytes = 4 << 20
    /// Wait before connecting again to the broker: exponential, between zero and this, at random.
    package var reconnectDelayMin: TimeAmount = .milliseconds(20)
    package var reconnectDelayMax: TimeAmount = .seconds(1)
    package var connectTimeout: TimeAmount = .seconds(2)
    /// What is told to a client that has to come back later.
    package var retryAfter: TimeAmount = .seconds(1)
    /// How long an HTTP connection may be without a whole head of a request.
    package var httpIdleTimeout: TimeAmount = .seconds(75)
    /// Bytes of all headers of a request: what a client can make the gateway keep before it is known.
    package var httpHeaderBytesMax = 16 << 10
    /// How long the gateway waits for the body of a request, or for its response to be taken …
    package var httpTransferTime: TimeAmount = .seconds(20)
    /// … with a second more for this many bytes that have moved.
    package var httpBytesPerSecondMin = 64 << 10
    /// How long an HTTP request waits for the broker, reconnecting and repeating included; a `wait` has its own time.
    package var httpRequestTimeout: TimeAmount = .seconds(10)
    /// Longest `wait` of an HTTP request.
    package var httpWaitMax: TimeAmount = .seconds(60)
    /// How often a stream of events says that it lives when nothing happens.
    package var httpEventBeat: TimeAmount = .seconds(15)
    /// Bytes of one HTTP request's body, many payloads together.
    package var httpBodyBytesMax = 64 << 20
    /// Bytes of all HTTP requests' bodies in memory together; above it a request is answered 503.
    package var httpBodiesBytesAll = 256 << 20
    /// Jobs of one HTTP request: each takes a line of the answer.
    package var httpJobsMax = 100_000
    /// Longest time that a client is waited for at a shutdown.
    package var drainTimeout: TimeAmount = .seconds(5)

    package init() {}

    /// The whole of a graceful shutdown: clients first, then what HTTP requests still ask of the
    /// broker, and some slack.
    var shutdownTimeout: Duration {
        .nanoseconds(drainTimeout.nanoseconds + httpRequestTimeout.nanoseconds) + .seconds(10)
    }
}
