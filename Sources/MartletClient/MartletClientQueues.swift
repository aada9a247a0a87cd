import MartletWire

extension MartletClient {
    /// The queues that exist, with their counters.
    public func queues() async throws(MartletError) -> [QueueStatus] {
        var message = Queues()
        var all: [QueueStatus] = []
        repeat {
            let page = try await request(message, expecting: QueuePage.self)
            all += page.queues.map { QueueStatus($0) }
            message.cursor = page.cursor
        } while !message.cursor.isEmpty
        return all
    }

    /// One queue's counters.
    ///
    /// - Throws: ``MartletError/Code/queueNotFound``: a queue is made by its first job, or when it
    ///   is told something.
    public func queue(_ name: String) async throws(MartletError) -> QueueStatus {
        try Self.check(queue: name)
        let page = try await request(Queues(queue: name), expecting: QueuePage.self)
        guard let queue = page.queues.first else {
            throw MartletError(WireError.queueNotFound(name))
        }
        return QueueStatus(queue)
    }

    /// How long a queue's jobs waited and ran, for each type.
    ///
    /// - Throws: ``MartletError/Code/queueNotFound``.
    public func times(in queue: String) async throws(MartletError) -> [QueueTimes] {
        try Self.check(queue: queue)
        let page = try await request(Times(queue: queue), expecting: TimesPage.self)
        return page.types.map { QueueTimes($0) }
    }

    /// Sets what is said; the rest stays as it is. Makes the queue when it does not exist.
    public func configureQueue(_ name: String, _ options: QueueOptions) async throws(MartletError) {
        try await tell(QueueSet(queue: name, settings: try options.onTheWire()))
    }

    /// Stops deliveries; pushes go on, and so do jobs that run.
    ///
    /// - Parameters:
    ///   - by: who did it, for people.
    ///   - reason: at most 1,024 bytes.
    public func pauseQueue(
        _ name: String, by: String = "", reason: String = ""
    ) async throws(MartletError) {
        try await tell(
            QueueSet(
                queue: name,
                pause: QueueSet.Pause(
                    by: by.truncated(toUTF8Bytes: Int(UInt8.max)),
                    reason: reason.truncated(toUTF8Bytes: Limits.actionReasonBytesMax))))
    }

    /// Deliveries go on.
    public func resumeQueue(_ name: String) async throws(MartletError) {
        try await tell(QueueSet(queue: name, resumes: true))
    }

    /// Refuses pushes, or takes them again; what is there is finished.
    public func drainQueue(_ name: String, _ drains: Bool = true) async throws(MartletError) {
        try await tell(QueueSet(queue: name, drains: drains))
    }

    /// Deletes a queue and its settings.
    ///
    /// - Parameter withJobs: its jobs, too; those that run lose their leases. Otherwise only an
    ///   empty queue is deleted.
    /// - Throws: ``MartletError/Code/queueNotEmpty``, ``MartletError/Code/queueNotFound``.
    public func deleteQueue(_ name: String, withJobs: Bool = false) async throws(MartletError) {
        try Self.check(queue: name)
        try await reconnector.delete(
            QueueDelete(queue: name, withJobs: withJobs), until: requestDeadline())
    }

    /// Whatever a queue is told may be told twice.
    private func tell(_ message: QueueSet) async throws(MartletError) {
        try Self.check(queue: message.queue)
        _ = try await request(message, expecting: Done.self)
    }
}
