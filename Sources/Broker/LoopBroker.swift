package import Logging
package import NIOCore

/// A broker on an event loop and over channels of its owner, where time stands still unless it is told.
/// Without threads and sockets it does the same, to the instruction, in every run: for measurements.
///
/// It lives as long as the process, and leaves its store as a crash would.
package final class LoopBroker {
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let inbox: Inbox
    private let loop: BrokerLoop
    private let ids = ConnectionIDs()

    /// Opens the store. `eventLoop` is the calling thread's.
    package init(
        _ configuration: BrokerConfiguration, on eventLoop: any EventLoop, logger: Logger
    ) throws {
        var configuration = configuration
        configuration.clock = .stopped()
        self.configuration = configuration
        self.logger = logger
        inbox = Inbox(loop: eventLoop)
        let readers = SnapshotReaders(threads: 1, logger: logger)
        loop = try BrokerLoop(
            configuration, inbox: inbox, readers: readers, appends: nil,
            disk: DiskThreads(areNone: true), logger: logger)
        loop.start(eventLoop.makePromise())
    }

    /// Takes a channel of the same event loop as a client's connection.
    package func serve(_ channel: any Channel) throws {
        let handler = BrokerHandler(
            id: ids.next(), inbox: inbox, limits: configuration.limits, logger: logger)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// What is due by then is done by the next turn.
    package func advance(milliseconds: UInt64) {
        configuration.clock.skip(milliseconds: milliseconds)
    }
}
