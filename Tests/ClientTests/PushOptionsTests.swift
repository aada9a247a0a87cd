import Foundation
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import MartletClient

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct PushOptionsTests {
    @Test func `every option of a push travels as the protocol carries it`() throws {
        let options = JobOptions(
            priority: 200, delay: .milliseconds(1_500), expires: .seconds(60), timeout: .seconds(5),
            maxAttempts: 3, maxCrashes: 4, maxInterruptions: 5,
            backoff: .exponential(
                base: .seconds(2), factor: 1.5, cap: .seconds(60), jitter: .none),
            unique: .init(
                "k", scope: .period(.seconds(9)), onConflict: .reject, samePayload: true),
            tags: ["a", "b"], headers: ["traceparent": "00-1", "accept": "x"],
            retainCompleted: .zero, retainDead: .seconds(1), retainCancelled: .seconds(2),
            retainExpired: .seconds(3))
        let wire = try options.onTheWire()
        #expect(wire.priority == 200)
        #expect(wire.due == .delay(1_500))
        #expect(wire.expiresMilliseconds == 60_000)
        #expect(wire.timeoutMilliseconds == 5_000)
        #expect(wire.maxAttempts == 3)
        #expect(wire.maxCrashes == 4)
        #expect(wire.maxInterruptions == 5)
        #expect(
            wire.backoff
                == SubmitOptions.Backoff(
                    kind: .exponential, jitter: .none, factor: 150, baseMilliseconds: 2_000,
                    capMilliseconds: 60_000))
        #expect(
            wire.unique
                == UniqueKey(
                    "k", scope: .period, policy: .reject, requiresSamePayload: true,
                    periodMilliseconds: 9_000))
        #expect(wire.tags?.list == ["a", "b"])
        #expect(wire.headers?.list.map(\.name) == ["accept", "traceparent"])
        #expect(wire.retainCompletedMilliseconds == 0)
        #expect(wire.retainDeadMilliseconds == 1_000)
        #expect(wire.retainCancelledMilliseconds == 2_000)
        #expect(wire.retainExpiredMilliseconds == 3_000)
    }

    @Test func `a push that says nothing sends no option`() throws {
        #expect(try JobOptions().onTheWire().isEmpty)
    }

    @Test(arguments: [
        (JobOptions.RetryBackoff.immediate, SubmitOptions.Backoff.Kind.none, UInt32(1)),
        (.fixed(.seconds(3)), .fixed, 3_000),
    ])
    func `a backoff that does not grow is told as such`(
        backoff: JobOptions.RetryBackoff, kind: SubmitOptions.Backoff.Kind, base: UInt32
    ) throws {
        let wire = try #require(try JobOptions(backoff: backoff).onTheWire().backoff)
        #expect(wire.kind == kind)
        #expect(wire.baseMilliseconds == base)
    }

    @Test(arguments: [
        JobOptions(delay: .seconds(1), runAt: Date()), JobOptions(delay: .seconds(-1)),
        JobOptions(expires: .zero), JobOptions(timeout: .seconds(604_801)),
        JobOptions(maxCrashes: 0), JobOptions(maxInterruptions: 0),
        JobOptions(backoff: .exponential(factor: 0.5)),
        JobOptions(backoff: .exponential(factor: .nan)), JobOptions(unique: .init("")),
        JobOptions(unique: .init("k", scope: .period(.zero))), JobOptions(tags: ["two words"]),
        JobOptions(tags: (0..<9).map { "t\($0)" }), JobOptions(headers: ["a b": "c"]),
    ])
    func `an option out of its range is refused before it is sent`(options: JobOptions) {
        let error = #expect(throws: MartletError.self) { try options.onTheWire() }
        #expect(error?.code == .optionInvalid)
    }

    @Test func `options of a call count before those of the job's type`() async throws {
        try await withClient { client, server in
            let pushing = Task {
                try await client.push(
                    Resize(width: 1), options: JobOptions(priority: 9, durability: .memory))
            }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            #expect(submit.options.maxAttempts == 3)
            #expect(submit.options.priority == 9)
            #expect(submit.durability == .memory)
            peer.send(
                Submitted(
                    durability: .memory,
                    runs: [.accepted(first: JobID(rawValue: 5), count: 1)]), id: id)
            let job = try await pushing.value
            #expect(job.durability == .memory)
            #expect(!job.wasDuplicate)
        }
    }

    @Test func `a time to run at takes the place of the type's delay`() {
        let type = JobOptions(delay: .seconds(5), tags: ["a"], headers: ["x": "1", "y": "2"])
        let filled = JobOptions(runAt: Date(timeIntervalSince1970: 1), headers: ["y": "3"])
            .filled(from: type)
        #expect(filled.delay == nil)
        #expect(filled.tags == ["a"])
        #expect(filled.headers == ["x": "1", "y": "3"])
    }

    @Test func `a push whose key is held gives the handle of the holder`() async throws {
        try await withClient { client, server in
            let pushing = Task {
                try await client.push(
                    Resize(width: 1), options: JobOptions(unique: .init("one")))
            }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Submit.self)
            peer.send(Submitted(durability: .disk, runs: [.duplicate(of: 77)]), id: id)
            let job = try await pushing.value
            #expect(job.wasDuplicate)
            #expect(job.id.rawValue == 77)
        }
    }

    @Test func `each of many jobs has its own answer`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(eachOf: (1...4).map(Resize.init)) }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            #expect(!submit.isAtomic)
            let full = WireError(.queueFull, isRetryable: true, "full")
            peer.send(
                Submitted(
                    durability: .disk,
                    runs: [
                        .accepted(first: JobID(rawValue: 5), count: 2), .duplicate(of: 3),
                        .refused(full, count: 1),
                    ]), id: id)
            let results = try await pushing.value
            #expect(results.prefix(3).map { try? $0.get().id.rawValue } == [5, 6, 3])
            #expect(try results[2].get().wasDuplicate)
            #expect(throws: MartletError.self) { try results[3].get() }
        }
    }

    @Test func `of a batch refused as a whole the one to blame is told`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(contentsOf: (1...3).map(Resize.init)) }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Submit.self)
            let companion = WireError(.batchRefused, "refused along")
            peer.send(
                Submitted(
                    durability: .disk,
                    runs: [
                        .refused(companion, count: 1),
                        .refused(WireError(.uniqueTaken, actual: 9, "taken"), count: 1),
                        .refused(companion, count: 1),
                    ]), id: id)
            #expect(await failure(of: pushing)?.code == .uniqueTaken)
        }
    }

    @Test func `the same parameters are always the same payload`() throws {
        struct Shuffled: Job {
            static let type = "s"
            var z = 1
            var a = 2
            var m = ["y": 1, "x": 2]
        }
        #expect(
            String(decoding: try Shuffled().encoded(), as: UTF8.self)
                == #"{"a":2,"m":{"x":2,"y":1},"z":1}"#)
    }
}

extension Submitted.Run {
    static func duplicate(of id: UInt64) -> Submitted.Run {
        .refused(WireError(.duplicate, actual: id, "there is one"), count: 1)
    }
}
