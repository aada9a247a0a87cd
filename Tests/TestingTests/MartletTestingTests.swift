import Foundation
import MartletClient
import MartletTesting
import MartletWorker
import TestSupport
import Testing

private struct Thumbnail: Job {
    static let type = "thumbnail"
    static let queue = "images"
    typealias Output = Data
    var source: URL
    var width: Int
}

private struct Reminder: Job {
    static let type = "reminder"
    var text: String
}

private struct Flaky: Job {
    static let type = "flaky"
    static let options = JobOptions(backoff: .fixed(.seconds(60)))
    typealias Output = Int
}

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct MartletTestingTests {
    @Test func `a thumbnail is made once per image`() async throws {
        try await withMartlet(handlers: handlers) { martlet, clock in
            let job = try await martlet.push(Thumbnail(source: sample, width: 10))
            try await martlet.runUntilIdle()
            #expect(try await job.value.count > 0)
        }
    }

    @Test func `a reminder is sent the next day`() async throws {
        try await withMartlet(handlers: handlers) { martlet, clock in
            let job = try await martlet.push(
                Reminder(text: "milk"), options: JobOptions(delay: .seconds(86_400)))
            try await martlet.runUntilIdle()
            #expect(try await job.status().state == .scheduled)

            try await clock.advance(by: .seconds(86_400))
            try await martlet.runUntilIdle()
            #expect(try await job.status().state == .completed)
        }
    }

    @Test func `a job that fails is tried again when its time has come`() async throws {
        try await withMartlet(handlers: handlers) { martlet, clock in
            let job = try await martlet.push(Flaky())
            try await martlet.runUntilIdle()
            #expect(try await job.status().failures == 1)
            try await clock.advance(by: .seconds(60))
            try await martlet.runUntilIdle()
            #expect(try await job.value == 2)
        }
    }

    @Test func `jobs that no handler takes do not keep it from being idle`() async throws {
        try await withMartlet { martlet, clock in
            try await martlet.push(Thumbnail(source: sample, width: 10))
            try await martlet.runUntilIdle()
            #expect(try await martlet.queue("images").ready == 1)
        }
    }

    @Test func `what the body throws is thrown`() async throws {
        struct Wrong: Error {}
        await #expect(throws: Wrong.self) { try await withMartlet { _, _ in throw Wrong() } }
    }

    private var sample: URL { URL(filePath: "/sample.png") }

    @HandlerBuilder private var handlers: [Handler] {
        Handler(Thumbnail.self) { job, _ in Data(count: job.width) }
        Handler(Reminder.self) { _, _ in }
        Handler(Flaky.self) { _, context in
            guard context.attempt > 1 else { throw JobFailure.retry(after: .seconds(60)) }
            return context.attempt
        }
    }
}
