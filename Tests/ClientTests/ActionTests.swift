import Foundation
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import MartletClient

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct ActionTests {
    private let ids = (1...3).map { JobStatus.ID(JobID(rawValue: $0)) }

    @Test func `each job that is acted on has its own answer`() async throws {
        try await withClient { client, server in
            let acting = Task {
                try await client.cancel(ids, reason: "why", grace: .seconds(2))
            }
            let peer = try await server.acceptAndWelcome()
            let (act, id) = try await peer.receive(Act.self)
            #expect(act.action == .cancel)
            #expect(act.ids.map(\.rawValue) == [1, 2, 3])
            #expect(act.options == ActOptions(reason: "why", graceMilliseconds: 2_000))
            peer.send(
                Acted(runs: [
                    .done(.running, count: 1), .done(nil, count: 1),
                    .refused(WireError(.jobFinished, actual: 5, "over"), count: 1),
                ]), id: id)
            let results = try await acting.value
            #expect(results.map(\.id) == ids)
            #expect(try results[0].outcome.get() == .running)
            #expect(try results[1].outcome.get() == nil)
            let error = #expect(throws: MartletError.self) { try results[2].outcome.get() }
            #expect(error?.code == .jobFinished)
        }
    }

    @Test func `more jobs than fit one message travel in several`() async throws {
        try await withClient { client, server in
            let acting = Task { try await client.reprioritise(ids, to: 7) }
            var limits = ServerLimits()
            limits.batchMax = 2
            let peer = try await server.acceptAndWelcome(limits)
            for count in [2, 1] {
                let (act, id) = try await peer.receive(Act.self)
                #expect(act.ids.count == count)
                #expect(act.options.priority == 7)
                peer.send(Acted(runs: [.done(.ready, count: UInt16(count))]), id: id)
            }
            #expect(try await acting.value.count == 3)
        }
    }

    @Test func `a cancel that a broken connection left unanswered is said again`() async throws {
        try await withClient { client, server in
            let acting = Task { try await client.cancel(ids[0]) }
            let first = try await server.acceptAndWelcome()
            _ = try await first.receive(Act.self)
            try await first.close()
            let second = try await server.acceptAndWelcome()
            let (_, id) = try await second.receive(Act.self)
            second.send(Acted(runs: [.done(.cancelled, count: 1)]), id: id)
            #expect(try await acting.value == .cancelled)
        }
    }

    @Test func `a job that a repeated delete does not find was deleted by the first`() async throws
    {
        try await withClient { client, server in
            let acting = Task { try await client.delete(ids[0]) }
            let first = try await server.acceptAndWelcome()
            _ = try await first.receive(Act.self)
            try await first.close()
            let second = try await server.acceptAndWelcome()
            let (_, id) = try await second.receive(Act.self)
            second.send(Acted(runs: [.refused(WireError(.jobNotFound, "none"), count: 1)]), id: id)
            try await acting.value
        }
    }

    @Test func `a job that a first delete does not find is an error`() async throws {
        try await withClient { client, server in
            let acting = Task { try await client.delete(ids[0]) }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Act.self)
            peer.send(Acted(runs: [.refused(WireError(.jobNotFound, "none"), count: 1)]), id: id)
            #expect(await failure(of: acting)?.code == .jobNotFound)
        }
    }

    @Test func `a retry whose answer is lost is not repeated unseen`() async throws {
        try await withClient { client, server in
            let acting = Task { try await client.retry(ids[0]) }
            let peer = try await server.acceptAndWelcome()
            let (act, _) = try await peer.receive(Act.self)
            #expect(act.action == .retry)
            try await peer.close()
            #expect(await failure(of: acting)?.code == .outcomeUnknown)
        }
    }

    @Test func `a bulk action whose answer is lost is not repeated unseen`() async throws {
        try await withClient { client, server in
            let acting = Task { _ = try await client.actOnAll(.purge, matching: JobQuery()) }
            let peer = try await server.acceptAndWelcome()
            _ = try await peer.receive(ActAll.self)
            try await peer.close()
            #expect(await failure(of: acting)?.code == .outcomeUnknown)
        }
    }

    @Test func `a bulk action that the server has no room for is asked for again`() async throws {
        try await withClient { client, server in
            let acting = Task { try await client.actOnAll(.delete, matching: JobQuery()).id }
            let peer = try await server.acceptAndWelcome()
            let (_, first) = try await peer.receive(ActAll.self)
            peer.send(
                ErrorMessage(WireError(.tooManyActions, isRetryable: true, "later")), id: first)
            let (_, second) = try await peer.receive(ActAll.self)
            peer.send(action(.running), id: second)
            #expect(try await acting.value == 4)
        }
    }

    @Test func `a bulk action is followed to its end`() async throws {
        try await withClient { client, server in
            let acting = Task {
                let action = try await client.actOnAll(
                    .retry(keepingCounters: true),
                    matching: JobQuery(queue: "q", states: [.dead], tag: "t", fingerprint: 5),
                    rate: 10)
                var seen: [BulkAction.Status] = []
                for try await status in action.progress { seen.append(status) }
                return seen
            }
            let peer = try await server.acceptAndWelcome()
            let (message, id) = try await peer.receive(ActAll.self)
            #expect(message.queue == "q")
            #expect(message.states == JobStates(.dead))
            #expect(message.filter == JobFilter(tag: "t", fingerprint: 5))
            #expect(message.options == ActOptions(keepsCounters: true, rate: 10))
            peer.send(action(.running), id: id)
            for state in [ActionInfo.State.running, .running, .done] {
                let (get, id) = try await peer.receive(ActionGet.self)
                #expect(get.action == 4)
                peer.send(action(state, changed: 6), id: id)
            }
            let seen = try await acting.value
            #expect(seen.map(\.state) == [.running, .running, .done])
            #expect(seen.last?.changed == 6)
        }
    }

    @Test func `an action is stopped by its number alone`() async throws {
        try await withClient { client, server in
            let stopping = Task { try await client.bulkAction(4).stop().state }
            let peer = try await server.acceptAndWelcome()
            let (get, id) = try await peer.receive(ActionGet.self)
            #expect(get.stops)
            peer.send(action(.stopped), id: id)
            #expect(try await stopping.value == .stopped)
        }
    }

    @Test func `an edit sends what is said and nothing else`() async throws {
        try await withClient { client, server in
            let editing = Task {
                try await client.edit(
                    ids[0], to: Resize(width: 2), options: JobOptions(priority: 3))
            }
            let peer = try await server.acceptAndWelcome()
            let (edit, id) = try await peer.receive(Edit.self)
            #expect(edit.options == .with { $0.priority = 3 })
            #expect(edit.payload.map { String(buffer: $0.bytes) } == #"{"width":2}"#)
            peer.send(Done(), id: id)
            try await editing.value
        }
    }

    @Test func `an edit takes away what it is told to, unless it brings others`() async throws {
        try await withClient { client, server in
            let editing = Task {
                try await client.edit(
                    ids[0], options: JobOptions(tags: ["new"]), removing: [.tags, .headers])
            }
            let peer = try await server.acceptAndWelcome()
            let (edit, id) = try await peer.receive(Edit.self)
            #expect(edit.options.fields.tags?.list == ["new"])
            #expect(edit.options.fields.headers == .some(.empty))
            peer.send(Done(), id: id)
            try await editing.value
        }
    }

    @Test func `what can't be edited is refused before it is sent`() async throws {
        try await withClient { client, _ in
            let editing = Task {
                try await client.edit(ids[0], options: JobOptions(maxAttempts: 3))
            }
            #expect(await failure(of: editing)?.code == .optionInvalid)
        }
    }

    private func action(_ state: ActionInfo.State, changed: UInt64 = 0) -> ActionInfo {
        ActionInfo(id: 4, action: .retry, state: state, changed: changed, startedAt: 1)
    }
}
