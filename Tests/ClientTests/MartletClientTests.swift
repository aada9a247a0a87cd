import Foundation
import Logging
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import MartletClient

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct MartletClientTests {
    // MARK: Pushing

    @Test func `a typed job travels as JSON and its result comes back as its output`() async throws
    {
        try await withClient { client, server in
            let pushing = Task { try await client.push(Resize(width: 320)) }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            #expect(submit.queue == "images")
            #expect(submit.type == "resize")
            #expect(submit.durability == .disk)
            #expect(submit.options.maxAttempts == 3)
            #expect(submit.items.map { String(buffer: $0.payload.bytes) } == [#"{"width":320}"#])
            peer.accept(submit, id: id, firstJob: 77)

            let handle = try await pushing.value
            #expect(handle.id.rawValue == 77)
            let value = Task { try await handle.value }
            let (wait, waitID) = try await peer.receive(Wait.self)
            #expect(wait.id.rawValue == 77)
            #expect(wait.parts == .result)
            peer.send(finished(77, result: #"{"bytes":9}"#), id: waitID)
            #expect(try await value.value == Resize.Output(bytes: 9))
        }
    }

    @Test func `many jobs travel in one message and get their handles in order`() async throws {
        try await withClient {
            $0.compression.dictionaries = .none
        } _: { client, server in
            let pushing = Task { try await client.push(contentsOf: (1...1_000).map(Resize.init)) }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            #expect(submit.items.count == 1_000)
            #expect(submit.isAtomic)
            peer.accept(submit, id: id, firstJob: 500)
            #expect(try await pushing.value.map(\.id.rawValue) == Array(500..<1_500))
        }
    }

    @Test func `more jobs than fit one message travel in several`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(contentsOf: (1...25).map(Resize.init)) }
            var limits = ServerLimits()
            limits.batchMax = 10
            let peer = try await server.acceptAndWelcome(limits)
            for (count, first) in [(10, 100), (10, 200), (5, 300)] {
                let (submit, id) = try await peer.receive(Submit.self)
                #expect(submit.items.count == count)
                peer.accept(submit, id: id, firstJob: UInt64(first))
            }
            let ids = try await pushing.value.map(\.id.rawValue)
            let expected: [ClosedRange<UInt64>] = [100...109, 200...209, 300...304]
            #expect(ids == expected.flatMap(Array.init))
        }
    }

    @Test func `no jobs are no message`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(contentsOf: [Resize]()) }
            _ = try await server.acceptAndWelcome()
            #expect(try await pushing.value.isEmpty)
        }
    }

    @Test func `a payload above the server's limit is refused before it is sent`() async throws {
        try await withClient { client, server in
            let pushing = Task {
                try await client.push(payload: [UInt8](repeating: 1, count: 2_000), type: "t")
            }
            var limits = ServerLimits()
            limits.payloadBytesMax = 1_000
            let peer = try await server.acceptAndWelcome(limits)
            let error = await failure(of: pushing)
            #expect(error?.code == .payloadTooLarge)
            #expect(error?.limit == 1_000)
            #expect(error?.actual == 2_000)
            #expect(
                error?.message
                    == "payload is 2,000 bytes, the server's limit is 1,000 (payload_bytes_max)")
            await nothingSent(by: client, to: peer)
        }
    }

    @Test(arguments: [
        (payload: "", queue: "q", type: "t", code: MartletError.Code.payloadEmpty),
        ("x", "no spaces", "t", .queueNameInvalid),
        ("x", "", "t", .queueNameInvalid),
        ("x", "q", "", .typeInvalid),
        ("x", String(repeating: "q", count: 300), "t", .queueNameInvalid),
    ])
    func `what the server would refuse is refused here`(
        payload: String, queue: String, type: String, code: MartletError.Code
    ) async throws {
        try await withClient { client, server in
            let pushing = Task {
                try await client.push(payload: Array(payload.utf8), type: type, queue: queue)
            }
            if code == .payloadEmpty { _ = try await server.acceptAndWelcome() }
            #expect(await failure(of: pushing)?.code == code)
        }
    }

    @Test(arguments: [
        JobOptions(maxAttempts: 0), JobOptions(maxAttempts: 1_001), JobOptions(maxAttempts: -1),
        JobOptions(backoff: .exponential(base: .zero, cap: .seconds(1))),
        JobOptions(retainCompleted: .seconds(-1)), JobOptions(retainDead: .seconds(366 * 86_400)),
    ])
    func `an option out of its range is refused here`(options: JobOptions) async throws {
        try await withClient { client, _ in
            let pushing = Task { try await client.push(payload: [1], type: "t", options: options) }
            #expect(await failure(of: pushing)?.code == .optionInvalid)
        }
    }

    @Test func `a payload that shrinks is compressed, and inflated when asked for`() async throws {
        try await withClient { client, server in
            let text = String(repeating: "a job server hands work to workers. ", count: 100)
            let pushing = Task { try await client.push(payload: Array(text.utf8), type: "t") }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            let payload = submit.items[0].payload
            #expect(payload.codec == .zstd)
            #expect(payload.bytes.readableBytes < 200)
            #expect(Int(payload.rawBytes) == text.utf8.count)
            #expect(payload.isIntact)
            peer.accept(submit, id: id, firstJob: 5)

            let handle = try await pushing.value
            let asking = Task { try await client.payload(of: handle.id) }
            let (get, getID) = try await peer.receive(Get.self)
            #expect(get.parts == .payload)
            var job = finished(5)
            job.payload = payload
            peer.send(job, id: getID)
            #expect(try await asking.value == Data(text.utf8))
        }
    }

    @Test func `a refused item is the error of the push`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(contentsOf: (1...3).map(Resize.init)) }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            #expect(submit.items.count == 3)
            peer.send(
                Submitted(
                    durability: .disk,
                    runs: [
                        .refused(.payloadDamaged(), count: 1), .refused(.batchRefused(), count: 2),
                    ]), id: id)
            #expect(await failure(of: pushing)?.code == .payloadDamaged)
        }
    }

    // MARK: Results

    @Test func `a dead job's result is its last reason`() async throws {
        try await withClient { client, server in
            let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 3)), of: Resize.self)
            let value = Task { try await handle.value }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Wait.self)
            var job = finished(3)
            job.state = .dead
            job.error = "no such file"
            peer.send(job, id: id)
            let error = await failure(of: value)
            #expect(error?.code == .jobFailed)
            #expect(error?.message.hasSuffix("no such file") == true)
        }
    }

    @Test func `a wait that the server ends early goes on`() async throws {
        try await withClient { client, server in
            let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 3)))
            let value = Task { try await handle.value }
            let peer = try await server.acceptAndWelcome()
            for _ in 0..<3 {
                let (_, id) = try await peer.receive(Wait.self)
                peer.send(ErrorMessage(WireError(.waitTimeout, "not yet")), id: id)
            }
            let (_, id) = try await peer.receive(Wait.self)
            peer.send(finished(3, result: "done"), id: id)
            #expect(try await value.value == Data("done".utf8))
        }
    }

    @Test func `a wait with a timeout ends with it`() async throws {
        try await withClient { client, server in
            let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 3)))
            let value = Task { try await handle.value(timeout: .milliseconds(2)) }
            let peer = try await server.acceptAndWelcome()
            let answering = Task {
                while true {
                    let (wait, id) = try await peer.receive(Wait.self)
                    #expect(wait.milliseconds <= 2)
                    peer.send(ErrorMessage(WireError(.waitTimeout, "not yet")), id: id)
                }
            }
            #expect(await failure(of: value)?.code == .waitTimeout)
            answering.cancel()
        }
    }

    @Test func `a result that is not what its type says is told`() async throws {
        try await withClient { client, server in
            let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 3)), of: Resize.self)
            let value = Task { try await handle.value }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Wait.self)
            peer.send(finished(3, result: "not JSON"), id: id)
            #expect(await failure(of: value)?.code == .codingFailed)
        }
    }

    @Test func `a damaged result is not handed out`() async throws {
        try await withClient { client, server in
            let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 3)))
            let value = Task { try await handle.value }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Wait.self)
            var job = finished(3, result: "done")
            job.result?.checksum ^= 1
            peer.send(job, id: id)
            #expect(await failure(of: value)?.code == .payloadDamaged)
        }
    }

    // MARK: Looking

    @Test func `a list is read page by page, empty pages included`() async throws {
        try await withClient { client, server in
            let listing = Task {
                var ids: [UInt64] = []
                for try await job in client.jobs(
                    in: "q", states: [.dead, .ready], newestFirst: false)
                {
                    ids.append(job.id.rawValue)
                }
                return ids
            }
            let peer = try await server.acceptAndWelcome()
            let pages: [(jobs: [UInt64], cursor: [UInt8])] = [([1, 2], [1]), ([], [2]), ([3], [])]
            var expectedCursor: [UInt8] = []
            for page in pages {
                let (list, id) = try await peer.receive(List.self)
                #expect(list.queue == "q")
                #expect(list.states == [JobStates(.dead), JobStates(.ready)])
                #expect(list.order == .oldestFirst)
                #expect(list.cursor == expectedCursor)
                expectedCursor = page.cursor
                peer.send(
                    JobPage(asOf: 1, jobs: page.jobs.map { finished($0) }, cursor: page.cursor),
                    id: id)
            }
            #expect(try await listing.value == [1, 2, 3])
        }
    }

    @Test func `a name that no queue can have is refused before it is asked for`() async throws {
        try await withClient { client, _ in
            let name = String(repeating: "q", count: 300)
            let listing = Task { for try await _ in client.jobs(in: name) {} }
            #expect(await failure(of: listing)?.code == .queueNameInvalid)
            let asking = Task { try await client.queue(name) }
            #expect(await failure(of: asking)?.code == .queueNameInvalid)
        }
    }

    @Test func `queues are read to the last page`() async throws {
        try await withClient { client, server in
            let asking = Task { try await client.queues() }
            let peer = try await server.acceptAndWelcome()
            let (_, first) = try await peer.receive(Queues.self)
            peer.send(QueuePage(queues: [QueueInfo(name: "a", ready: 4)], cursor: [9]), id: first)
            let (next, second) = try await peer.receive(Queues.self)
            #expect(next.cursor == [9])
            peer.send(QueuePage(queues: [QueueInfo(name: "b", oldestReadyAt: 2_000)]), id: second)
            let queues = try await asking.value
            #expect(queues.map(\.name) == ["a", "b"])
            #expect(queues[0].ready == 4)
            #expect(queues[0].oldestReadyAt == nil)
            #expect(queues[1].oldestReadyAt == Date(timeIntervalSince1970: 2))
        }
    }

    @Test func `a status has the job's times, counters and progress`() async throws {
        try await withClient { client, server in
            let asking = Task { try await client.status(of: JobStatus.ID(JobID(rawValue: 8))) }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Get.self)
            var job = JobInfo(
                id: JobID(rawValue: 8), state: .running, attempts: 6, failures: 1, crashes: 2,
                interruptions: 3, maxAttempts: 20, createdAt: 1_500, startedAt: 2_000,
                payloadBytes: 11, queue: "q", type: "t")
            job.progress = JobProgress(done: 2_500, message: "a quarter")
            peer.send(job, id: id)
            let status = try await asking.value
            #expect(status.state == .running)
            #expect(status.attempts == 6)
            #expect(status.failures == 1)
            #expect(status.crashes == 2)
            #expect(status.interruptions == 3)
            #expect(status.createdAt == Date(timeIntervalSince1970: 1.5))
            #expect(status.startedAt == Date(timeIntervalSince1970: 2))
            #expect(status.finishedAt == nil)
            #expect(status.progress == JobStatus.Progress(fraction: 0.25, message: "a quarter"))
        }
    }

    // MARK: Helpers

    /// Comes back when everything that the client sent has been read: a status is asked for and
    /// nothing else was.
    private func nothingSent(by client: MartletClient, to peer: ServerConnection) async {
        let asking = Task { try await client.status(of: JobStatus.ID(JobID(rawValue: 1))) }
        await #expect(throws: Never.self) {
            let (_, id) = try await peer.receive(Get.self)
            peer.send(finished(1), id: id)
            _ = try await asking.value
        }
    }
}
