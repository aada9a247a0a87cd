package import MartletWire
import Store

/// How a broker runs.
package struct BrokerConfiguration: Sendable {
    /// The data directory; made when it does not exist.
    package var directory: String
    package var host: String
    /// 0: any free port.
    package var port: Int
    /// What clients are told in `WELCOME`.
    package var limits = ServerLimits()
    /// What a connection must show in its `HELLO`; none: everybody is welcome. The clients on a link are
    /// the gateway's to check.
    package var tokens = AccessTokens.none
    /// Event loops: they split frames and move bytes; the rules run on the writer thread.
    package var eventLoops = 1
    package var connectionsMax = 20_000
    package var queuesMax = 65_536
    /// Events kept for those who watch.
    package var eventsKept = Limits.eventsKept
    /// Waits under way, of all clients.
    package var waitsMax = Limits.waitsMax
    /// Space in the data file extended ahead of need and kept for settlements, in bytes.
    package var reserveBytes = 64 << 20
    /// Size of a segment of the redo log, in bytes. A turn that is longer becomes durable by a checkpoint.
    package var segmentBytes = 32 << 20
    /// Address space for the data file, which it can't outgrow, in bytes; nil: the store's default.
    package var mapBytes: Int?
    /// How long clients are given when the broker goes away, in milliseconds.
    package var drainMilliseconds: UInt32 = 1_000
    package var serverName = "martlet"
    package var clock = BrokerClock()

    package init(directory: String, host: String = "127.0.0.1", port: Int = 7411) {
        self.directory = directory
        self.host = host
        self.port = port
    }
}

/// Why a broker can't go on. Each has its own exit status, so that a supervisor can tell them apart.
package enum BrokerFailure: Error, Sendable {
    /// Whether the last turn is on disk can't be known: nobody was answered; the next start finds out.
    case unknownOutcome(String)
    /// The store contradicts itself; its message says where.
    case damaged(String)
    case cannotStart(String)
}

extension BrokerFailure {
    init(_ error: any Error) {
        guard let error = error as? StoreError else {
            self = error as? BrokerFailure ?? .cannotStart("\(error)")
            return
        }
        switch error.code {
        case .unknownOutcome: self = .unknownOutcome(error.message)
        case .damaged, .logDamaged, .directoryDamaged: self = .damaged(error.message)
        default: self = .cannotStart(error.message)
        }
    }
}

extension BrokerFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownOutcome(let text), .damaged(let text), .cannotStart(let text): text
        }
    }
}
