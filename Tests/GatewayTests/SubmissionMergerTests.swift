import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SubmissionMergerTests {
    private static let destination = Destination(
        queue: "q", type: "t", durability: .disk, options: SubmitOptions())

    @Test func `what arrives while a frame is under way goes in the next one`() async throws {
        let server = FakeJobServer()
        let gate = await server.close()
        let merger = SubmissionMerger(server: server)
        try await withThrowingTaskGroup(of: PushedJob.self) { group in
            group.addTask {
                try await merger.submit(ByteBuffer(string: "first"), to: Self.destination)
            }
            #expect(await server.submissions.next()?.payloads == ["first"])
            for number in 0..<10 {
                group.addTask {
                    try await merger.submit(ByteBuffer(string: "\(number)"), to: Self.destination)
                }
            }
            while await merger.waitingCount < 10 { await Task.yield() }
            gate.put(())
            let second = try #require(await server.submissions.next())
            #expect(Set(second.payloads) == Set((0..<10).map { "\($0)" }))
            gate.put(())
            var ids: Set<JobStatus.ID> = []
            for try await job in group { ids.insert(job.id) }
            #expect(ids.count == 11)
        }
    }

    @Test func `other destinations do not wait`() async throws {
        let server = FakeJobServer()
        let gate = await server.close()
        let merger = SubmissionMerger(server: server)
        var other = Self.destination
        other.options.maxAttempts = 1
        try await withThrowingTaskGroup(of: PushedJob.self) { group in
            group.addTask { try await merger.submit(ByteBuffer(string: "a"), to: Self.destination) }
            #expect(await server.submissions.next()?.payloads == ["a"])
            group.addTask { [other] in try await merger.submit(ByteBuffer(string: "b"), to: other) }
            #expect(await server.submissions.next()?.payloads == ["b"])
            gate.put(())
            gate.put(())
            try await group.waitForAll()
        }
    }

    @Test func `each caller gets the answer to its own job`() async throws {
        let server = FakeJobServer()
        let merger = SubmissionMerger(server: server)
        await #expect(throws: MartletError.self) {
            try await merger.submit(ByteBuffer(string: "refuse me"), to: Self.destination)
        }
        #expect(
            try await merger.submit(ByteBuffer(string: "x"), to: Self.destination).id.rawValue == 1)
        await server.fail(with: MartletError(.timeout, "no answer"))
        await #expect(throws: MartletError.self) {
            try await merger.submit(ByteBuffer(string: "y"), to: Self.destination)
        }
    }

    @Test func `a frame takes no more bytes than it should`() async throws {
        let server = FakeJobServer()
        let gate = await server.close()
        let merger = SubmissionMerger(server: server, frameBytes: 10)
        try await withThrowingTaskGroup(of: PushedJob.self) { group in
            group.addTask { try await merger.submit(ByteBuffer(string: "a"), to: Self.destination) }
            _ = await server.submissions.next()
            for _ in 0..<3 {
                group.addTask {
                    try await merger.submit(ByteBuffer(string: "123456"), to: Self.destination)
                }
            }
            while await merger.waitingCount < 3 { await Task.yield() }
            gate.put(())
            #expect(await server.submissions.next()?.payloads.count == 2)
            gate.put(())
            #expect(await server.submissions.next()?.payloads.count == 1)
            gate.put(())
            try await group.waitForAll()
        }
    }
}
