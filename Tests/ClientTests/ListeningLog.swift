import Logging

/// Waits until something is logged.
struct ListeningLog {
    let logger: Logger
    private let heard: AsyncStream<Void>

    init(_ message: String) {
        let (heard, hearing) = AsyncStream.makeStream(of: Void.self)
        self.heard = heard
        logger = Logger(label: "test") { _ in Handler(message: message, hearing: hearing) }
    }

    func waitForMessage() async {
        for await _ in heard { return }
    }

    private struct Handler: LogHandler {
        let message: String
        let hearing: AsyncStream<Void>.Continuation
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace

        func log(event: LogEvent) {
            if event.message.description == message { hearing.yield() }
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
    }
}
