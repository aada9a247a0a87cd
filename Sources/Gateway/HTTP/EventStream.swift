import Hummingbird
import MartletClient
import NIOCore
import ServiceLifecycle

/// Events on their way into a response.
///
/// The next event is asked for when the one before was written: who reads slowly loses events of the
/// bounded buffer behind, and is told how many, and nothing piles up here.
struct EventStream: Sendable {
    let events: any AsyncSequence<JobEvents.Event, MartletError> & Sendable
    /// Offset behind which they begin. Sent first, without an event: a browser that is cut off before
    /// the first one comes back with it.
    let after: UInt64
    /// After so long a comment is sent: the only way to notice that nobody listens any more.
    let beat: TimeAmount

    private enum Item: Sendable {
        case event(JobEvents.Event)
        case beat
        case failed(MartletError)
        case end
    }

    /// Writes until the events end, nobody listens any more, or the gateway goes away.
    func write(to writer: inout any ResponseBodyWriter) async throws {
        let (items, incoming) = AsyncStream.makeStream(of: Item.self)
        let (permits, permit) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await cancelWhenGracefulShutdown { await pump(permits, incoming) } }
            group.addTask {
                while true {
                    try await Task.sleep(for: .nanoseconds(beat.nanoseconds))
                    incoming.yield(.beat)
                }
            }
            defer { group.cancelAll() }
            try await writer.write(ByteBuffer(string: ": martlet\n\nid: \(after)\n\n"))
            permit.yield()
            for await item in items {
                switch item {
                case .event(let event):
                    try await writer.write(event.serverSent)
                    permit.yield()
                case .beat: try await writer.write(ByteBuffer(string: ":\n\n"))
                case .failed(let error):
                    return try await writer.write(ByteBuffer(string: Problem(error).eventText))
                case .end: return
                }
            }
        }
    }

    /// Hands over one event for each permit.
    private func pump(
        _ permits: AsyncStream<Void>, _ incoming: AsyncStream<Item>.Continuation
    ) async {
        var permits = permits.makeAsyncIterator()
        await permits.next()
        do throws(MartletError) {
            for try await event in events {
                incoming.yield(.event(event))
                await permits.next()
            }
            incoming.yield(.end)
        } catch {
            incoming.yield(error.code == .cancelled ? .end : .failed(error))
        }
    }
}

extension JobEvents.Event {
    /// What was missed before it, and the event.
    var serverSent: ByteBuffer {
        var text = ""
        if missed > 0 {
            var object = JSONObject()
            object.set("missed", missed)
            text += "event: missed\ndata: \(object.text)\n\n"
        }
        text += "id: \(offset)\nevent: \(kind.rawValue)\ndata: \(EventJSON(self).object.text)\n\n"
        return ByteBuffer(string: text)
    }
}

extension Problem {
    /// As the last event of a stream that has begun.
    fileprivate var eventText: String { "event: problem\ndata: \(object.text)\n\n" }
}
