import MartletWire
import NIOCore

/// A watch, as it goes on from connection to connection.
struct OpenWatch {
    /// Its `after` is that of the beginning.
    let request: Watch
    /// It is over when this job is.
    let job: JobID?
    var buffer: EventBuffer
    /// The connection whose server knows of it.
    var connection: WireConnection?
    /// Its job had finished before the server knew of the watch: nothing but what is in the buffer
    /// will come.
    var isOver = false
}

// Whoever takes an event sees to it that the watch stands: there is no task that does.
extension Reconnector {
    func openWatch(_ filter: EventFilter, after: UInt64, endsWithJob: Bool) throws(MartletError)
        -> UInt32
    {
        let number = nextWatch
        nextWatch += 1
        let request = try filter.watch(number, after: after)
        watches[number] = OpenWatch(
            request: request, job: endsWithJob ? request.job : nil,
            buffer: EventBuffer(after: after))
        return number
    }

    /// The next event; nil when the watch's job had finished before.
    func nextEvent(of number: UInt32) async throws(MartletError) -> JobEvents.Event? {
        while var watch = watches[number] {
            if let event = watch.buffer.popFirst() {
                watches[number] = watch
                return event
            }
            if watch.isOver { return nil }
            if watch.connection == nil {
                try await establish(number, until: .distantFuture)
            } else {
                try await wait(\.forEvents, until: .distantFuture)
            }
        }
        return nil
    }

    /// Where a watch that begins now stands.
    func lastEvent(until deadline: NIODeadline) async throws(MartletError) -> UInt64 {
        let nobody = JobStatus.ID(JobID(rawValue: .max))
        let number = try openWatch(EventFilter(job: nobody), after: 0, endsWithJob: false)
        defer { closeWatch(number) }
        while let watch = watches[number], watch.buffer.next == 0 {
            if watch.connection == nil {
                try await establish(number, until: deadline)
            } else {
                try await wait(\.forEvents, until: deadline)
            }
        }
        return watches[number]?.buffer.next ?? 0
    }

    func closeWatch(_ number: UInt32) {
        guard let connection = watches.removeValue(forKey: number)?.connection else { return }
        connection.assumeIsolated { $0.send(Unwatch(watch: number)) }
    }

    private func establish(
        _ number: UInt32, until deadline: NIODeadline
    ) async throws(MartletError) {
        try await perform(until: deadline) { (connection) throws(MartletError) in
            guard let watch = self.watches[number] else { return }
            var request = watch.request
            request.after = watch.buffer.next
            self.watches[number]?.connection = connection
            do throws(MartletError) {
                _ = try await connection.request(request, expecting: Done.self)
                if let job = watch.job { try await self.lookAfter(job, of: number, on: connection) }
            } catch {
                // Whoever gives up does not know whether the server heard: it is told of the end then.
                if error.code != .cancelled { self.watches[number]?.connection = nil }
                throw error
            }
        }
    }

    /// The job may have finished before the watch stood.
    private func lookAfter(
        _ job: JobID, of number: UInt32, on connection: WireConnection
    ) async throws(MartletError) {
        do throws(MartletError) {
            let info = try await connection.request(Get(id: job), expecting: JobInfo.self)
            if info.state.isFinished { watches[number]?.isOver = true }
        } catch  where error.code == .jobNotFound {
            watches[number]?.isOver = true
        }
    }

    // MARK: What the connection says

    func received(_ message: Events) {
        guard var watch = watches[message.watch] else { return }
        watch.buffer.append(
            message.events.map { JobEvents.Event($0) }, missed: Int(clamping: message.missed),
            next: message.next)
        watches[message.watch] = watch
        wakeAll(\.forEvents, .success(()))
    }

    func watchesLost() {
        for number in watches.keys { watches[number]?.connection = nil }
        wakeAll(\.forEvents, .success(()))
    }
}
