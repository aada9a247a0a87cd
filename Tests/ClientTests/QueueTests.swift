import Foundation
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import MartletClient

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct QueueTests {
    @Test(arguments: [
        (QueueCall.pause, QueueSet(queue: "q", pause: .init(by: "me", reason: "why"))),
        (.resume, QueueSet(queue: "q", resumes: true)),
        (.drain, QueueSet(queue: "q", drains: true)),
        (.accept, QueueSet(queue: "q", drains: false)),
        (
            .configure,
            QueueSet(
                queue: "q",
                settings: QueueSettings(
                    depthMax: 5, order: .lastInFirstOut, defaults: .with { $0.maxAttempts = 2 }))
        ),
    ])
    func `a queue is told what is said`(call: QueueCall, expected: QueueSet) async throws {
        try await withClient { client, server in
            let telling = Task { try await call.make(client) }
            let first = try await server.acceptAndWelcome()
            _ = try await first.receive(QueueSet.self)
            try await first.close()
            let second = try await server.acceptAndWelcome()
            let (message, id) = try await second.receive(QueueSet.self)
            #expect(message == expected)
            second.send(Done(), id: id)
            try await telling.value
        }
    }

    @Test func `a default that can't be set is refused before it is sent`() async throws {
        try await withClient { client, _ in
            let telling = Task {
                try await client.configureQueue(
                    "q", QueueOptions(defaults: JobOptions(tags: ["a"])))
            }
            #expect(await failure(of: telling)?.code == .optionInvalid)
        }
    }

    @Test func `a queue that a repeated delete does not find was deleted by the first`()
        async throws
    {
        try await withClient { client, server in
            let deleting = Task { try await client.deleteQueue("q", withJobs: true) }
            let first = try await server.acceptAndWelcome()
            let (message, _) = try await first.receive(QueueDelete.self)
            #expect(message.withJobs)
            try await first.close()
            let second = try await server.acceptAndWelcome()
            let (_, id) = try await second.receive(QueueDelete.self)
            second.send(ErrorMessage(WireError.queueNotFound("q")), id: id)
            try await deleting.value
        }
    }

    @Test func `a full queue is told at once, not waited for`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(payload: [1], type: "t") }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Submit.self)
            peer.send(
                ErrorMessage(WireError(.queueDraining, isRetryable: true, "draining")), id: id)
            #expect(await failure(of: pushing)?.code == .queueDraining)
        }
    }

    // MARK: Times

    @Test func `a percentile lies in the bucket of its job`() {
        let histogram = QueueTimes.Histogram(
            count: 100, sum: .seconds(1), buckets: [0, 50, 0, 49, 1])
        #expect(histogram.mean == .milliseconds(10))
        #expect(histogram.percentile(50) == .milliseconds(2))
        #expect(histogram.percentile(25) == .milliseconds(1.5))
        #expect(histogram.percentile(99) == .milliseconds(8))
        #expect(histogram.percentile(100) == .milliseconds(8))
        #expect(histogram.percentile(0) == .milliseconds(1))
    }

    @Test func `nothing counted has no mean and no percentile`() {
        let histogram = QueueTimes.Histogram(count: 0, sum: .zero, buckets: [0, 0])
        #expect(histogram.mean == nil)
        #expect(histogram.percentile(99) == nil)
    }

    // MARK: Lists

    @Test func `an id's beginning says which ids are meant`() throws {
        let ids = try #require(JobQuery.idPrefix("0000000K5"))
        #expect(ids.lowerBound.description == "0000000k5000")
        #expect(ids.upperBound.description == "0000000k5zzz")
        #expect(JobQuery.idPrefix("0")?.lowerBound.rawValue == 1)
        #expect(JobQuery.idPrefix("0000000k5m2q")?.lowerBound.description == "0000000k5m2q")
        for text in ["", "u", "0000000k5m2q0", "a b"] { #expect(JobQuery.idPrefix(text) == nil) }
    }

    @Test func `a count adds up the pages`() async throws {
        try await withClient { client, server in
            let counting = Task { try await client.count(matching: JobQuery(type: "t")) }
            let peer = try await server.acceptAndWelcome()
            for (matched, cursor) in [(UInt32(5), [UInt8(1)]), (7, [])] {
                let (list, id) = try await peer.receive(List.self)
                #expect(list.isCount)
                #expect(list.isFresh == list.cursor.isEmpty)
                #expect(list.filter.type == "t")
                peer.send(JobPage(asOf: 1, matched: matched, jobs: [], cursor: cursor), id: id)
            }
            #expect(try await counting.value == 12)
        }
    }

    @Test func `a log is read page by page to its end`() async throws {
        try await withClient { client, server in
            let reading = Task {
                var lines: [String] = []
                for try await line in client.logs(of: JobStatus.ID(JobID(rawValue: 1)), from: 3) {
                    lines.append(line.text)
                }
                return lines
            }
            let peer = try await server.acceptAndWelcome()
            for (from, count) in [(UInt64(3), 1_000), (1_003, 2)] {
                let (logs, id) = try await peer.receive(Logs.self)
                #expect(logs.from == from)
                let lines = (0..<count).map {
                    LogLine(offset: from + UInt64($0), at: 1, attempt: 1, text: "\($0)")
                }
                peer.send(
                    LogPage(first: 0, next: from + UInt64(count), lines: lines), id: id)
            }
            #expect(try await reading.value.count == 1_002)
        }
    }

    @Test(arguments: [true, false])
    func `a log is followed until the job is finished, or gone`(isKept: Bool) async throws {
        try await withClient { client, server in
            let id = JobStatus.ID(JobID(rawValue: 1))
            let reading = Task {
                var lines: [String] = []
                for try await line in client.logs(of: id).following { lines.append(line.text) }
                return lines
            }
            let peer = try await server.acceptAndWelcome()
            try await peer.answerLogs(from: 0, ["a", "b"])
            try await peer.answerLogs(from: 2, [])
            let (wait, request) = try await peer.receive(Wait.self)
            #expect(wait.milliseconds <= 1_000)
            guard isKept else {
                peer.send(ErrorMessage(WireError(.jobNotFound, "gone")), id: request)
                #expect(try await reading.value == ["a", "b"])
                return
            }
            peer.send(
                JobInfo(
                    id: JobID(rawValue: 1), state: .completed, maxAttempts: 20, createdAt: 1,
                    payloadBytes: 1, queue: "q", type: "t"), id: request)
            try await peer.answerLogs(from: 2, ["c"])
            #expect(try await reading.value == ["a", "b", "c"])
        }
    }

    @Test func `a check of the store goes on until its last part`() async throws {
        try await withClient { client, server in
            let checking = Task {
                var problems: [String] = []
                for try await part in client.verify() { problems += part.problems }
                return problems
            }
            let peer = try await server.acceptAndWelcome()
            for cursor in [[UInt8(1)], []] {
                let (_, id) = try await peer.receive(Verify.self)
                peer.send(
                    Verified(
                        rows: 1, jobs: 1, problems: [.init(table: 1, "p\(cursor.count)")],
                        cursor: cursor), id: id)
            }
            #expect(try await checking.value == ["p1", "p0"])
        }
    }

    enum QueueCall: Sendable {
        case pause, resume, drain, accept, configure

        func make(_ client: MartletClient) async throws {
            switch self {
            case .pause: try await client.pauseQueue("q", by: "me", reason: "why")
            case .resume: try await client.resumeQueue("q")
            case .drain: try await client.drainQueue("q")
            case .accept: try await client.drainQueue("q", false)
            case .configure:
                try await client.configureQueue(
                    "q",
                    QueueOptions(
                        depthMax: 5, order: .lastInFirstOut, defaults: JobOptions(maxAttempts: 2)))
            }
        }
    }
}

extension ServerConnection {
    /// Answers the next question for lines.
    fileprivate func answerLogs(from: UInt64, _ texts: [String]) async throws {
        let (logs, id) = try await receive(Logs.self)
        #expect(logs.from == from)
        let lines = texts.enumerated().map {
            LogLine(offset: from + UInt64($0), at: 1, attempt: 1, text: $1)
        }
        send(LogPage(first: 0, next: from + UInt64(lines.count), lines: lines), id: id)
    }
}
