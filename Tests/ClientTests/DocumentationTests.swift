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

private struct Invoice: Job {
    static let type = "invoice"
    static let options = JobOptions(maxAttempts: 5, retainCompleted: .seconds(86_400))
    var order: Int
}

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct DocumentationTests {
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
                maxAttempts: 3, backoff: .exponential(base: .seconds(5), cap: .seconds(60)),
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

    private func sayHow(_ martlet: MartletClient, url: URL, trace: String) async throws {
        try await martlet.push(
            Thumbnail(source: url, width: 320),
            options: JobOptions(
                priority: 200, delay: .seconds(30), expires: .seconds(3_600), timeout: .seconds(60),
                maxAttempts: 3, backoff: .exponential(base: .seconds(5), cap: .seconds(60)),
                tags: ["customer-17"], headers: ["traceparent": trace]))
    }

    private func oneAtATime(_ martlet: MartletClient, day: Int, logger: Logger) async throws {
        let job = try await martlet.push(
            Invoice(order: 17), options: JobOptions(unique: .init("order-17")))
        if job.wasDuplicate { logger.info("already under way", metadata: ["job": "\(job.id)"]) }

        let options = JobOptions(
            unique: .init("report-\(day)", scope: .period(.seconds(86_400)), onConflict: .reject))
        use(options)
    }

    private func pushEach(_ martlet: MartletClient, orders: [Int], logger: Logger) async throws {
        for result in try await martlet.push(eachOf: orders.map(Invoice.init)) {
            switch result {
            case .success(let job): logger.info("pushed", metadata: ["job": "\(job.id)"])
            case .failure(let error):
                logger.error("refused", metadata: ["reason": "\(error.message)"])
            }
        }
    }

    private func follow(_ martlet: MartletClient, job: JobHandle<Data>, logger: Logger) async throws
    {
        for try await progress in job.progress {
            print(progress.fraction, progress.message)
        }
        for try await event in job.events {
            print(event.at, event.kind, event.attempt)
        }

        for try await event in martlet.events(
            matching: EventFilter(queue: "images", states: [.dead]))
        {
            if event.missed > 0 {
                logger.warning("missed", metadata: ["events": "\(event.missed)"])
            }
            print(event.id, event.type, event.error ?? "")
        }

        for try await line in job.logs {
            print(line.at, line.text)
        }
        for try await line in job.logs.following {
            print(line.offset, line.text)
        }

        for reason in try await job.explain().reasons {
            print(reason.sentence)
        }

        try await job.cancel(reason: "the order was withdrawn", grace: .seconds(5))
    }

    private func act(
        _ martlet: MartletClient, first: JobStatus.ID, second: JobStatus.ID, tonight: Date
    ) async throws {
        let filter = JobQuery(queue: "images", states: [.dead], tag: "customer-17")
        for try await job in martlet.jobs(matching: filter) {
            print(job.id, job.error ?? "")
        }
        let count = try await martlet.count(matching: filter)

        for try await group in martlet.deadGroups(in: "images") {
            print(group.jobs, group.errorClass, group.message)
        }

        for result in try await martlet.retry([first, second]) {
            print(result.id, result.outcome)
        }

        try await martlet.edit(
            first, options: JobOptions(priority: 200, runAt: tonight), removing: .tags)

        let action = try await martlet.actOnAll(.retry(), matching: filter, rate: 100)
        for try await status in action.progress {
            print(status.changed, "of", count)
        }
    }

    private func steer(_ martlet: MartletClient) async throws {
        try await martlet.pauseQueue("images", by: "ops", reason: "disk is being replaced")
        try await martlet.resumeQueue("images")
        try await martlet.configureQueue("images", QueueOptions(depthMax: 100_000))
        let queue = try await martlet.queue("images")
        print(queue.ready, queue.rates.completed)

        for times in try await martlet.times(in: "images") {
            print(times.type, times.run.mean ?? .zero, times.run.percentile(99) ?? .zero)
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

    @Test func `compression is set for all types, and for some`() {
        var configuration = MartletClient.Configuration()
        // For all types: smaller, and slower.
        configuration.compression.level = 6
        // They are compressed already.
        configuration.compressionByType["thumbnail"] = MartletClient.Compression.none
        // Dictionaries are used, and never made.
        var mail = MartletClient.Compression()
        mail.dictionaries = .registered
        configuration.compressionByType["mail.send"] = mail
        #expect(configuration.compressionByType["thumbnail"]?.from == nil)
        #expect(
            configuration.compressionByType["mail.send"]?.from == configuration.compression.from)
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
        #expect(examples > 25)
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
