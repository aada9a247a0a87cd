import Foundation
import MartletClient
import MartletTesting
import MartletWorker
import NIOCore
import Synchronization
import TestSupport
import Testing

private struct Count: Job {
    static let type = "count"
    typealias Output = Int
    var number = 0
}

private struct Wrong: Error, CustomStringConvertible {
    var number: Int
    var description: String { "number \(number) is wrong" }
}

/// What the libraries say and see of a job's life, with a real broker between them.
@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct WholeLifeTests {
    @Test func `the highest priority runs first`() async throws {
        let order = Mutex<[Int]>([])
        let handler = Handler(Count.self) { job, _ in
            order.withLock { $0.append(job.number) }
            return 0
        }
        try await withMartlet(handlers: [handler], queues: ["default": 1]) { martlet, _ in
            try await martlet.pauseQueue("default", by: "test", reason: "to line them up")
            for (number, priority) in [(1, UInt8(1)), (2, 200), (3, 128)] {
                try await martlet.push(
                    Count(number: number), options: JobOptions(priority: priority))
            }
            #expect(try await martlet.queue("default").paused?.reason == "to line them up")
            try await martlet.resumeQueue("default")
            try await martlet.runUntilIdle()
            #expect(order.withLock { $0 } == [2, 3, 1])
        }
    }

    @Test func `a key is held by one job at a time`() async throws {
        try await withMartlet(handlers: [counting]) { martlet, clock in
            let options = JobOptions(delay: .seconds(60), unique: .init("one"))
            let first = try await martlet.push(Count(number: 1), options: options)
            let second = try await martlet.push(Count(number: 2), options: options)
            #expect(second.wasDuplicate && second.id == first.id)
            var strict = options
            strict.unique?.samePayload = true
            let mismatch = await #expect(throws: MartletError.self) {
                try await martlet.push(Count(number: 2), options: strict)
            }
            #expect(mismatch?.code == .uniqueMismatch)
            #expect(try await martlet.push(Count(number: 1), options: strict).wasDuplicate)
            try await clock.advance(by: .seconds(60))
            try await martlet.runUntilIdle()
            #expect(try await first.value == 1)
            let late = await #expect(throws: MartletError.self) { try await first.cancel() }
            #expect(late?.code == .jobFinished)
            #expect(try await !martlet.push(Count(number: 3), options: options).wasDuplicate)
        }
    }

    @Test func `a cancelled job's handler stops, and the job says why it ended`() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let handler = Handler(Count.self) { _, context in
            start.yield()
            let (never, end) = AsyncStream.makeStream(of: Void.self)
            for await _ in never {}
            end.finish()
            context.log("stopped: \(context.cancellationReason?.message ?? "")")
            try Task.checkCancellation()
            return 0
        }
        try await withMartlet(handlers: [handler]) { martlet, _ in
            let job = try await martlet.push(Count())
            for await _ in started { break }
            #expect(try await job.cancel(reason: "enough") == .running)
            let status = try await martlet.wait(for: job.id)
            #expect(status.state == .cancelled)
            #expect(status.cancellation?.reason == "enough")
            #expect(try await job.logLines() == ["stopped: enough"])
            #expect(try await job.cancel() == .cancelled)
        }
    }

    @Test func `a checkpoint is where the next attempt goes on`() async throws {
        let handler = Handler(Count.self) { _, context in
            guard let checkpoint = context.checkpoint else {
                try await context.checkpoint(Data("half".utf8))
                throw JobFailure.retry(after: .zero, reason: "not yet")
            }
            return checkpoint.count
        }
        try await withMartlet(handlers: [handler]) { martlet, clock in
            let job = try await martlet.push(Count())
            try await martlet.runUntilIdle()
            try await clock.advance(by: .seconds(1))
            try await martlet.runUntilIdle()
            #expect(try await job.value == 4)
        }
    }

    @Test func `the dead are grouped by what they died of, and come back together`() async throws {
        let isRight = Atomic<Bool>(false)
        let handler = Handler(Count.self) { job, _ in
            guard isRight.load(ordering: .relaxed) else {
                throw JobFailure.discard(reason: "", because: Wrong(number: job.number))
            }
            return job.number
        }
        try await withMartlet(handlers: [handler]) { martlet, _ in
            let jobs = try await martlet.push(contentsOf: (1...3).map { Count(number: $0) })
            try await martlet.runUntilIdle()
            var groups: [DeadGroup] = []
            for try await group in martlet.deadGroups() { groups.append(group) }
            #expect(groups.map(\.jobs) == [3])
            #expect(groups.first?.errorClass == "Wrong")
            let status = try await jobs[0].status()
            #expect(status.state == .dead && status.failures == 1)
            #expect(status.fingerprint == groups.first?.fingerprint)

            isRight.store(true, ordering: .relaxed)
            let query = JobQuery(states: [.dead], fingerprint: groups.first?.fingerprint)
            #expect(try await martlet.count(matching: query) == 3)
            let action = try await martlet.actOnAll(.retry(), matching: query)
            let end = try await action.finished()
            #expect(end.state == .done && end.changed == 3)
            try await martlet.runUntilIdle()
            #expect(try await jobs[2].value == 3)
            #expect(try await jobs[2].status().retries?.stateBefore == .dead)
        }
    }

    @Test func `a job's events are told as they happen, and end with it`() async throws {
        let isOver = Atomic<Bool>(false)
        let handler = Handler(Count.self) { _, context in
            while !isOver.load(ordering: .relaxed) {
                try await context.progress(0.5, "half")
                await Task.yield()
            }
            return 0
        }
        try await withMartlet(handlers: [handler]) { martlet, _ in
            let job = try await martlet.push(Count())
            let filter = EventFilter(job: job.id, includesProgress: true)
            var kinds: [JobEvents.Event.Kind] = []
            for try await event in martlet.events(matching: filter) {
                kinds.append(event.kind)
                if event.kind == .progress { break }
            }
            for try await progress in job.progress {
                #expect(progress.fraction == 0.5)
                isOver.store(true, ordering: .relaxed)
            }
            #expect(kinds.last == .progress)
            #expect(try await job.value == 0)
        }
    }

    @Test func `a job that waits says what for`() async throws {
        try await withMartlet { martlet, _ in
            let ready = try await martlet.push(Count())
            let later = try await martlet.push(
                Count(), options: JobOptions(delay: .seconds(60)))
            #expect(try await ready.explain().reasons.map(\.code).contains(.noSubscriber) == false)
            #expect(try await later.explain().reasons.map(\.code).contains(.delayed))
            try await martlet.edit(later.id, options: JobOptions(priority: 9, delay: .zero))
            #expect(try await later.status().priority == 9)
            let results = try await martlet.delete([ready.id])
            let refusal = #expect(throws: MartletError.self) { try results[0].outcome.get() }
            #expect(refusal?.code == .jobState)
        }
    }

    @Test func `a queue refuses what is above its depth, and nothing while it is drained`()
        async throws
    {
        try await withMartlet { martlet, _ in
            try await martlet.configureQueue("small", QueueOptions(depthMax: 2))
            let results = try await martlet.push(
                eachOf: (1...3).map { Count(number: $0) }, queue: "small")
            #expect(results.map { (try? $0.get()) != nil } == [true, true, false])
            let full = #expect(throws: MartletError.self) { try results[2].get() }
            #expect(full?.code == .queueFull)
            try await martlet.drainQueue("small")
            let draining = await #expect(throws: MartletError.self) {
                try await martlet.push(Count(), queue: "small")
            }
            #expect(draining?.code == .queueDraining)
            try await martlet.deleteQueue("small", withJobs: true)
        }
    }

    private var counting: Handler { Handler(Count.self) { job, _ in job.number } }
}

extension JobHandle {
    fileprivate func logLines() async throws -> [String] {
        var lines: [String] = []
        for try await line in logs { lines.append(line.text) }
        return lines
    }
}
