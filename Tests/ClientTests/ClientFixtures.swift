import Logging
import MartletClient
import MartletWire
import NIOCore
import TestSupport

struct Resize: Job, Equatable {
    static let type = "resize"
    static let queue = "images"
    static let options = JobOptions(maxAttempts: 3)
    var width: Int

    struct Output: Codable, Equatable {
        var bytes: Int
    }
}

/// A completed job, with its result when there is one.
func finished(_ id: UInt64, result: String? = nil) -> JobInfo {
    var job = JobInfo(
        id: JobID(rawValue: id), state: .completed, attempts: 1, maxAttempts: 20, createdAt: 1,
        finishedAt: 2, payloadBytes: 1, queue: "q", type: "t")
    job.result = result.map { .plain(ByteBuffer(string: $0)) }
    return job
}

/// An address where nothing listens: tests' servers have ports of 127.0.0.1.
let nobody = MartletEndpoint.martlet(host: "127.0.0.2", port: 1)

/// A running client of a scripted server. It reconnects fast, so that tests need not wait.
func withClient(
    isListening: Bool = true, logger: Logger = Logger(label: "test"),
    _ configure: (inout MartletClient.Configuration) -> Void = { _ in },
    _ body: (MartletClient, ScriptedServer) async throws -> Void
) async throws {
    let server = try await ScriptedServer.start()
    var configuration = MartletClient.Configuration()
    configuration.reconnectDelay = .milliseconds(1) ... .milliseconds(5)
    configuration.connectTimeout = .seconds(20)
    configure(&configuration)
    let client = MartletClient(
        isListening ? server.endpoint : nobody, configuration: configuration, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await client.run() }
        defer { group.cancelAll() }
        try await body(client, server)
    }
}

/// A client that gives a busy machine time to connect it.
func patientClient(of server: ScriptedServer) -> MartletClient {
    var configuration = MartletClient.Configuration()
    configuration.connectTimeout = .seconds(20)
    return MartletClient(
        server.endpoint, configuration: configuration, logger: Logger(label: "test"))
}

extension ServerConnection {
    /// Accepts all items of a submission.
    func accept(_ submit: Submit, id: UInt64, firstJob: UInt64, isRepeated: Bool = false) {
        let run = Submitted.Run.accepted(
            first: JobID(rawValue: firstJob), count: UInt16(submit.items.count))
        send(Submitted(durability: .disk, isRepeated: isRepeated, runs: [run]), id: id)
    }
}
