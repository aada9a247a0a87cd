import Foundation
import Logging
import MartletClient
import MartletWorker
import NIOCore
import ServiceLifecycle
import Testing
import UnixSignals

private struct Thumbnail: Job {
    static let type = "thumbnail"
    static let queue = "images"
    typealias Output = Data
    var source: URL
    var width: Int
}

private struct Crawl: Job {
    static let type = "crawl"
    typealias Output = Int
    var pages: Int
}

private func fetch(page: Int) async throws {}

private struct Page {
    let isBusy = false
}

private func download(_ url: URL) async throws -> Page? { nil }

/// Every example of the documentation stands in this file too, word for word: so all of them compile.
struct DocumentationTests {
    @Test(arguments: try Example.all())
    func `an example compiles because it stands here`(example: Example) throws {
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        #expect(source.withoutIndentation.contains(example.code.withoutIndentation))
    }

    @Test func `there are examples`() throws {
        #expect(try Example.all().count >= 10)
    }

    // MARK: Compiled, not run

    private func make(logger: Logger) -> MartletWorker {
        let worker = MartletWorker(
            .martlet(host: "127.0.0.1"), queues: ["images": 8], logger: logger
        ) {
            Handler(Thumbnail.self) { job, context in
                let image = try await load(job.source)
                try await context.progress(0.5, "decoded")
                return try image.scaled(to: job.width).png()
            }
        }
        return worker
    }

    private func run(_ worker: MartletWorker, logger: Logger) async throws {
        let services = ServiceGroup(
            services: [worker], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await services.run()
    }

    @HandlerBuilder private var rawHandlers: [Handler] {
        Handler("greeting") { payload, context in
            ByteBuffer(string: "Hello, \(String(buffer: payload))!")
        }
        Handler.anyType { payload, context in
            context.logger.notice("an unknown job is passed on")
            return try await forward(payload, type: context.type)
        }
    }

    private func giveUp(_ url: URL) async throws {
        guard let page = try await download(url) else {
            throw JobFailure.discard(reason: "there is no such page")
        }
        if page.isBusy { throw JobFailure.retry(after: .seconds(60), reason: "the site is busy") }
    }

    @HandlerBuilder private var tellingHandler: [Handler] {
        Handler(Crawl.self) { job, context in
            var done = context.checkpoint.map { $0.count } ?? 0
            while done < job.pages {
                try await fetch(page: done)
                done += 1
                context.log("page \(done) fetched")
                try await context.checkpoint(Data(count: done))
                try await context.progress(Double(done) / Double(job.pages), "\(done) pages")
            }
            return done
        }
    }

    @HandlerBuilder private var patientHandler: [Handler] {
        Handler(Thumbnail.self) { job, context in
            let image = try await load(job.source)
            for strip in image.strips {
                try Task.checkCancellation()
                strip.scale(to: job.width)
            }
            return try image.png()
        }
    }

    private struct ImageTooLarge: Error, CustomStringConvertible {
        var pixels: Int
        var description: String { "the image has \(pixels) pixels, 100,000,000 are allowed" }
    }

    private func configure() -> MartletWorker.Configuration {
        var configuration = MartletWorker.Configuration()
        configuration.lease = .seconds(10)  // a worker that hangs is noticed within 10 seconds
        configuration.timeout = .seconds(300)  // no thumbnail takes 5 minutes
        configuration.prefetch = 0
        return configuration
    }

    private func fence(
        _ database: Database, _ job: (id: Int, png: Data), _ context: JobContext
    ) async throws {
        let png = job.png
        try await database.execute(
            "UPDATE thumbnail SET png = $1, token = $2 WHERE id = $3 AND token < $2",
            [png, context.leaseToken, job.id])
    }
}

/// A block of Swift in one of the documentation's pages.
struct Example: CustomTestStringConvertible, Sendable {
    let page: String
    let code: Substring

    var testDescription: String { "\(page): \(code.prefix(60))" }

    static func all() throws -> [Example] {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/MartletWorker/MartletWorker.docc").standardized
        return try FileManager.default.contentsOfDirectory(atPath: sources.path).sorted()
            .flatMap { page in
                let text = try String(contentsOf: sources.appending(path: page), encoding: .utf8)
                return text.split(separator: "```swift\n").dropFirst().map {
                    Example(page: page, code: $0.split(separator: "```")[0])
                }
            }
    }
}

extension StringProtocol {
    fileprivate var withoutIndentation: String {
        split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .joined(separator: "\n")
    }
}

// What the examples take for granted.

private struct Image {
    var strips: [Strip] = []
    func scaled(to width: Int) -> Image { self }
    func png() throws -> Data { Data() }
}

private struct Strip {
    func scale(to width: Int) {}
}

private struct Database {
    func execute(_ statement: String, _ values: [any Sendable]) async throws {}
}

private func load(_ source: URL) async throws -> Image { Image() }

private func forward(_ payload: ByteBuffer, type: String) async throws -> ByteBuffer { payload }
