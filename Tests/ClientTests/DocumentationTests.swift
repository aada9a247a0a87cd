import Foundation
import Logging
import MartletClient
import MartletWire
import ServiceLifecycle
import TestSupport
import Testing
import UnixSignals

// Every example of the documentation, as it stands there: that this file compiles is the test of
// most of them.

private struct Thumbnail: Job {
    static let type = "thumbnail"
    static let queue = "images"
    typealias Output = Data
    var source: URL
    var width: Int
}

@Suite(.timeLimit(.minutes(1))) struct DocumentationTests {
    @Test func `a client runs around a piece of work`() async throws {
        let server = try await ScriptedServer.start()
        let answering = Task {
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            #expect(submit.queue == "images")
            #expect(submit.type == "thumbnail")
            peer.accept(submit, id: id, firstJob: 1)
        }
        let url = try #require(URL(string: "https://example.org/a.png"))
        let logger = Logger(label: "test")
        let job = try await MartletClient.with(server.endpoint, logger: logger) { martlet in
            try await martlet.push(Thumbnail(source: url, width: 320))
        }
        #expect(job.id.description == "000000000001")
        try await answering.value
    }

    // MARK: Compiled, not run

    private func runInGroup(logger: Logger) async throws {
        let martlet = MartletClient(.martlet(host: "127.0.0.1"), logger: logger)
        let group = ServiceGroup(
            services: [martlet], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await group.run()
    }

    private func runAroundWork(url: URL, logger: Logger) async throws {
        try await MartletClient.with(.martlet(host: "127.0.0.1"), logger: logger) { martlet in
            try await martlet.push(Thumbnail(source: url, width: 320))
        }
    }

    private func begin(url: URL, logger: Logger) async throws -> Data {
        let martlet = MartletClient(.martlet(host: "127.0.0.1"), logger: logger)
        let job = try await martlet.push(Thumbnail(source: url, width: 320))
        let png = try await job.value
        return png
    }

    private func push(_ martlet: MartletClient, url: URL, urls: [URL]) async throws {
        let job = try await martlet.push(Thumbnail(source: url, width: 320))
        let png = try await job.value
        let jobs = try await martlet.push(
            contentsOf: urls.map { Thumbnail(source: $0, width: 320) })
        try await martlet.push(
            Thumbnail(source: url, width: 320),
            options: JobOptions(
                maxAttempts: 3, backoff: .init(base: .seconds(5), cap: .seconds(60)),
                retainCompleted: .seconds(600)))
        try await martlet.push(payload: Array("hello".utf8), type: "greeting", queue: "greetings")
        use(png, jobs)
    }

    private func look(_ martlet: MartletClient, id: JobStatus.ID, job: JobHandle<Data>) async throws
    {
        let handle = martlet.handle(for: id, of: Thumbnail.self)
        let png = try await handle.value(timeout: .seconds(30))
        use(png)

        let status = try await job.status()
        print(status.state, status.attempts, status.error ?? "")

        for try await job in martlet.jobs(in: "images", states: [.dead]) {
            print(job.id, job.error ?? "")
        }

        for queue in try await martlet.queues() {
            print(queue.name, queue.ready, queue.running)
        }
    }

    private func handleErrors(
        _ martlet: MartletClient, url: URL, job: JobHandle<Data>, logger: Logger
    ) async throws {
        do {
            try await martlet.push(Thumbnail(source: url, width: 320))
        } catch {
            switch error.code {
            case .payloadTooLarge:
                logger.error("too large", metadata: ["bytes": "\(error.actual ?? 0)"])
            case .timeout, .cannotConnect:
                logger.error("no server", metadata: ["reason": "\(error.message)"])
            default:
                throw error
            }
        }
        do {
            let png = try await job.value
            try save(png)
        } catch let error as MartletError where error.code == .jobFailed {
            logger.warning("no thumbnail", metadata: ["reason": "\(error.message)"])
        }
    }

    private func save(_ png: Data) throws {}
    private func use(_ anything: Any...) {}
}

@Suite struct DocumentedExamplesTests {
    @Test func `every example of the documentation is compiled here`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
        let compiled = try words(of: root.appending(path: "DocumentationTests.swift"))
        let sources = root.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Sources/MartletClient")
        let files = try #require(
            FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var examples = 0
        for case let file as URL in files where ["md", "swift"].contains(file.pathExtension) {
            for example in try self.examples(in: file) {
                examples += 1
                let isCompiled = compiled.contains(example)
                #expect(isCompiled, "\(file.lastPathComponent): \(example)")
            }
        }
        #expect(examples > 10)
    }

    /// The examples between fences, but for those of a package's manifest.
    private func examples(in file: URL) throws -> [String] {
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
            $0.trimmingPrefix(/\s*(\/\/\/ ?)?/)
        }
        var examples: [String] = []
        var current: [Substring]?
        for line in lines {
            if line.hasPrefix("```") {
                if let example = current, example.first?.hasPrefix(".package") == false {
                    examples.append(normalized(example.joined(separator: " ")))
                }
                current = current == nil ? [] : nil
            } else {
                current?.append(line)
            }
        }
        return examples
    }

    private func words(of file: URL) throws -> String {
        normalized(try String(contentsOf: file, encoding: .utf8))
    }

    /// Spaces and line breaks do not count.
    private func normalized(_ code: some StringProtocol) -> String {
        String(code.filter { !$0.isWhitespace })
    }
}
