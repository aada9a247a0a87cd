import Logging
import ServiceLifecycle
import UnixSignals

/// Runs services until SIGTERM or SIGINT, or until one of them ends.
enum ServerGroup {
    /// What is under way may take this long to end after the first signal; a second later, the
    /// process is gone.
    static let shutdownLimit = Duration.seconds(60)
    static let cancellationLimit = Duration.seconds(10)

    /// - Parameter services: in the order in which they start; they stop in the reverse one.
    /// - Throws: why a service could not go on.
    static func run(_ services: [any Service], logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map { service in
                .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger)
        configuration.maximumGracefulShutdownDuration = shutdownLimit
        configuration.maximumCancellationDuration = cancellationLimit
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            throw ServerFailure.explain(error)
        }
    }
}

/// The line on standard output by which people and programs know that a server is ready, and where.
enum ReadyLine {
    static func write(_ what: String, _ facts: [String]) {
        let line = (["martlet \(Martlet.version)  \(what) ready"] + facts).joined(separator: "   ")
        StandardOutput.write(line: line)
    }
}
