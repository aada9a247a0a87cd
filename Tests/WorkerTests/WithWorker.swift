import Logging
import MartletClient
import MartletWire
import ServiceLifecycle
import TestSupport

@testable import MartletWorker

/// Runs a worker against a server that does what the test says, for as long as `body` takes.
func withWorker(
    _ configuration: MartletWorker.Configuration = MartletWorker.Configuration(),
    slots: Int = 1,
    handlers: [Handler], clock: ManualClock? = nil,
    _ body: (ScriptedServer, ServiceGroup) async throws -> Void
) async throws {
    let server = try await ScriptedServer.start()
    try await withWorker(
        configuration, at: server.endpoint, slots: slots, handlers: handlers, clock: clock
    ) { try await body(server, $0) }
    try await server.stop()
}

func withWorker(
    _ configuration: MartletWorker.Configuration = MartletWorker.Configuration(),
    at endpoint: MartletEndpoint,
    slots: Int = 1, handlers: [Handler], clock: ManualClock? = nil,
    _ body: (ServiceGroup) async throws -> Void
) async throws {
    var patient = configuration
    patient.connectTimeout = .seconds(20)
    let worker = MartletWorker(
        endpoint, queues: ["q": slots], configuration: patient, logger: .quiet,
        handlers: handlers, clock: clock?.workerClock ?? .system)
    let services = ServiceGroup(services: [worker], logger: .quiet)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await services.run() }
        try await body(services)
        group.cancelAll()
    }
}

extension Handler {
    static let echo = Handler("echo") { payload, _ in payload }
}

extension Logger {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

extension Settlement {
    /// The reason, when it is a failure.
    var failure: String? {
        if case .fail(let failure) = verdict { failure.message } else { nil }
    }
}
