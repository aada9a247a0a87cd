import Foundation
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import MartletClient

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct WatchTests {
    private let id = JobStatus.ID(JobID(rawValue: 9))

    @Test func `events come in order, and a filter says which`() async throws {
        try await withClient { client, server in
            let watching = Task {
                let filter = EventFilter(
                    queue: "q", states: [.dead], type: "t", tag: "x", includesProgress: true)
                return try await first(2, of: client.events(matching: filter, after: 40))
            }
            let peer = try await server.acceptAndWelcome()
            let (watch, request) = try await peer.receive(Watch.self)
            #expect(
                watch
                    == Watch(
                        watch: watch.watch, after: 40, queue: "q", states: JobStates(.dead),
                        wantsProgress: true, type: "t", tag: "x"))
            peer.send(Done(), id: request)
            peer.push(watch, [event(41, .failed), event(43, .dead)])
            let events = try await watching.value
            #expect(events.map(\.offset) == [41, 43])
            #expect(events.map(\.kind) == [.failed, .dead])
        }
    }

    @Test func `a watch goes on behind the last event when the connection broke`() async throws {
        try await withClient { client, server in
            let watching = Task { try await first(2, of: client.events()) }
            let peer = try await server.acceptAndWelcome()
            let (watch, request) = try await peer.receive(Watch.self)
            #expect(watch.after == 0)
            peer.send(Done(), id: request)
            peer.push(watch, [event(41, .ready)], next: 45)
            try await peer.close()
            let second = try await server.acceptAndWelcome()
            let (again, id) = try await second.receive(Watch.self)
            #expect(again.after == 45)
            second.send(Done(), id: id)
            second.push(again, [event(60, .delivered)], missed: 14)
            let events = try await watching.value
            #expect(events.map(\.missed) == [0, 14])
        }
    }

    @Test func `a watch that broke before the first event goes on where it began`() async throws {
        try await withClient { client, server in
            let watching = Task { try await first(1, of: client.events()) }
            let peer = try await server.acceptAndWelcome()
            let (watch, request) = try await peer.receive(Watch.self)
            peer.send(Done(), id: request)
            peer.push(watch, [], next: 45)
            try await peer.close()
            let second = try await server.acceptAndWelcome()
            let (again, id) = try await second.receive(Watch.self)
            #expect(again.after == 45)
            second.send(Done(), id: id)
            second.push(again, [event(46, .ready)])
            #expect(try await watching.value.map(\.offset) == [46])
        }
    }

    @Test func `the offset of the last event is where a watch begins`() async throws {
        try await withClient { client, server in
            let asking = Task { try await client.lastEventOffset() }
            let peer = try await server.acceptAndWelcome()
            let (watch, request) = try await peer.receive(Watch.self)
            peer.send(Done(), id: request)
            peer.push(watch, [], next: 45)
            #expect(try await asking.value == 45)
            let (end, _) = try await peer.receive(Unwatch.self)
            #expect(end.watch == watch.watch)
        }
    }

    @Test func `a watch that nobody follows any more is ended`() async throws {
        try await withClient { client, server in
            let watching = Task { try await first(1, of: client.events()) }
            let peer = try await server.acceptAndWelcome()
            let (watch, request) = try await peer.receive(Watch.self)
            peer.send(Done(), id: request)
            peer.push(watch, [event(1, .ready)])
            _ = try await watching.value
            let (end, _) = try await peer.receive(Unwatch.self)
            #expect(end.watch == watch.watch)
        }
    }

    @Test func `a cancelled task stops waiting for events`() async throws {
        try await withClient { client, server in
            let watching = Task { try await first(1, of: client.events()) }
            let peer = try await server.acceptAndWelcome()
            let (_, request) = try await peer.receive(Watch.self)
            peer.send(Done(), id: request)
            watching.cancel()
            #expect(await failure(of: watching)?.code == .cancelled)
        }
    }

    @Test func `the events of a job end with it`() async throws {
        try await withClient { client, server in
            let watching = Task {
                var kinds: [JobEvents.Event.Kind] = []
                for try await event in client.handle(for: id).events { kinds.append(event.kind) }
                return kinds
            }
            let peer = try await server.acceptAndWelcome()
            let watch = try await peer.acceptWatch(of: 9, state: .running)
            peer.push(watch, [event(1, .failed), event(2, .completed, .completed)])
            #expect(try await watching.value == [.failed, .completed])
        }
    }

    @Test func `the failure of which a job dies is not its last event`() async throws {
        try await withClient { client, server in
            let watching = Task {
                var kinds: [JobEvents.Event.Kind] = []
                for try await event in client.handle(for: id).events { kinds.append(event.kind) }
                return kinds
            }
            let peer = try await server.acceptAndWelcome()
            let watch = try await peer.acceptWatch(of: 9, state: .running)
            peer.push(watch, [event(1, .failed, .dead), event(2, .dead, .dead)])
            #expect(try await watching.value == [.failed, .dead])
        }
    }

    @Test(arguments: [JobState.completed, .dead, nil])
    func `a job that is over before has no events`(state: JobState?) async throws {
        try await withClient { client, server in
            let watching = Task { try await first(1, of: client.handle(for: id).events) }
            let peer = try await server.acceptAndWelcome()
            _ = try await peer.acceptWatch(of: 9, state: state)
            #expect(try await watching.value.isEmpty)
        }
    }

    @Test func `a job that ended while there was no connection ends its events`() async throws {
        try await withClient { client, server in
            let watching = Task { try await first(1, of: client.handle(for: id).events) }
            let peer = try await server.acceptAndWelcome()
            _ = try await peer.acceptWatch(of: 9, state: .running)
            try await peer.close()
            let second = try await server.acceptAndWelcome()
            _ = try await second.acceptWatch(of: 9, state: .completed)
            #expect(try await watching.value.isEmpty)
        }
    }

    @Test func `progress begins with what was said last`() async throws {
        try await withClient { client, server in
            let following = Task {
                var shares: [Double] = []
                for try await progress in client.handle(for: id).progress {
                    shares.append(progress.fraction)
                }
                return shares
            }
            let peer = try await server.acceptAndWelcome()
            let (_, get) = try await peer.receive(Get.self)
            var running = job(.running)
            running.progress = JobProgress(done: 1_000)
            peer.send(running, id: get)
            let watch = try await peer.acceptWatch(of: 9, state: .running)
            #expect(watch.wantsProgress)
            var news = event(1, .progress)
            news.progress = JobProgress(done: 5_000)
            peer.push(watch, [news, event(2, .completed, .completed)])
            #expect(try await following.value == [0.1, 0.5])
        }
    }

    @Test func `a program that reads too slowly is told what it missed`() {
        var buffer = EventBuffer(after: 0, capacity: 2)
        buffer.append((1...2).map { JobEvents.Event(event($0, .ready)) }, missed: 3, next: 2)
        buffer.append([JobEvents.Event(event(3, .ready))], missed: 0, next: 3)
        buffer.append([], missed: 5, next: 9)
        buffer.append([JobEvents.Event(event(10, .ready))], missed: 1, next: 10)
        #expect(buffer.next == 10)
        let left = [buffer.popFirst(), buffer.popFirst(), buffer.popFirst()]
        #expect(left.map { $0?.offset } == [3, 10, nil])
        #expect(left.map { $0?.missed } == [5, 6, nil])
    }

    private func first(_ count: Int, of events: JobEvents) async throws -> [JobEvents.Event] {
        var seen: [JobEvents.Event] = []
        for try await event in events {
            seen.append(event)
            if seen.count == count { break }
        }
        return seen
    }

    private func event(
        _ offset: UInt64, _ kind: JobEvent.Kind, _ state: JobState = .ready
    ) -> JobEvent {
        JobEvent(
            offset: offset, at: 1, id: id.onTheWire, state: state, kind: kind, attempt: 1,
            queue: "q", type: "t")
    }
}

private func job(_ state: JobState) -> JobInfo {
    JobInfo(
        id: JobID(rawValue: 9), state: state, maxAttempts: 20, createdAt: 1, payloadBytes: 1,
        queue: "q", type: "t")
}

extension ServerConnection {
    fileprivate func push(
        _ watch: Watch, _ events: [JobEvent], missed: UInt64 = 0, next: UInt64? = nil
    ) {
        let next = next ?? events.last?.offset ?? 0
        send(Events(watch: watch.watch, next: next, missed: missed, events: events), id: 1)
    }

    /// Answers a watch of one job and the question that follows it.
    ///
    /// - Parameter state: nil: there is no such job.
    fileprivate func acceptWatch(of id: UInt64, state: JobState?) async throws -> Watch {
        let (watch, request) = try await receive(Watch.self)
        #expect(watch.job?.rawValue == id)
        send(Done(), id: request)
        let (_, get) = try await receive(Get.self)
        if let state {
            send(job(state), id: get)
        } else {
            send(ErrorMessage(WireError(.jobNotFound, "none")), id: get)
        }
        return watch
    }
}
