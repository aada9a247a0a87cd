import MartletWire
import NIOCore
import Synchronization

// What callers ask for; each call drives its own repetitions.
extension Reconnector {
    /// What the server allows, from its last `WELCOME`; waits for the first one.
    nonisolated func serverLimits(until deadline: NIODeadline) async throws(MartletError)
        -> ServerLimits
    {
        if let known = limits.withLock({ $0 }) { return known }
        return try await firstLimits(until: deadline)
    }

    private func firstLimits(until deadline: NIODeadline) async throws(MartletError) -> ServerLimits
    {
        try await perform(until: deadline) { (connection) throws(MartletError) in
            await connection.welcome.limits
        }
    }

    /// Sends a request that changes nothing, as often as it takes.
    func request<Request: Message, Reply: Message>(
        _ request: Request, expecting reply: Reply.Type, until deadline: NIODeadline
    ) async throws(MartletError) -> Reply {
        try await perform(until: deadline) { (connection) throws(MartletError) in
            try await connection.request(request, expecting: reply, deadline: deadline)
        }
    }

    /// Sends a request that changes something, but twice no more than once, as often as it takes.
    ///
    /// - Returns: whether an earlier one may have been carried out, too.
    func requestAgain<Request: Message, Reply: Message>(
        _ request: Request, expecting reply: Reply.Type, until deadline: NIODeadline
    ) async throws(MartletError) -> (reply: Reply, isRepeated: Bool) {
        var hasTried = false
        return try await perform(until: deadline) { (connection) throws(MartletError) in
            let isRepeated = hasTried
            hasTried = true
            let reply = try await connection.request(request, expecting: reply, deadline: deadline)
            return (reply, isRepeated)
        }
    }

    /// Deletes a queue. That it is gone when this asks again is what was wanted.
    func delete(_ message: QueueDelete, until deadline: NIODeadline) async throws(MartletError) {
        var hasTried = false
        try await perform(until: deadline) { (connection) throws(MartletError) in
            let isRepeated = hasTried
            hasTried = true
            do throws(MartletError) {
                _ = try await connection.request(message, expecting: Done.self, deadline: deadline)
            } catch  where isRepeated && error.code == .queueNotFound {
                return
            }
        }
    }

    /// Sends a request that must not be carried out twice: not again once it may have arrived.
    ///
    /// - Throws: `outcomeUnknown` when no answer came.
    func requestOnce<Request: Message, Reply: Message>(
        _ request: Request, expecting reply: Reply.Type, until deadline: NIODeadline
    ) async throws(MartletError) -> Reply {
        try await perform(until: deadline) { (connection) throws(MartletError) in
            do throws(MartletError) {
                return try await connection.request(request, expecting: reply, deadline: deadline)
            } catch  where error.code == .connectionLost || error.code == .timeout {
                throw .outcomeUnknown(Request.opcode.name, error)
            }
        }
    }

    /// Waits for a job's end, over as many connections as it takes.
    ///
    /// - Parameter end: nil: as long as it takes.
    /// - Throws: `waitTimeout` when the job is not finished by then.
    func wait(
        for id: JobID, parts: JobParts, until end: NIODeadline?
    ) async throws(MartletError) -> JobInfo {
        let deadline = end.map { $0 + TimeAmount(configuration.requestTimeout) } ?? .distantFuture
        while true {
            do throws(MartletError) {
                return try await perform(until: deadline) { (connection) throws(MartletError) in
                    let message = Wait(
                        id: id, milliseconds: Self.waitMilliseconds(until: end), parts: parts)
                    return try await connection.request(
                        message, expecting: JobInfo.self, deadline: deadline)
                }
            } catch {
                let isOver = end.map { $0 <= .now() } ?? false
                guard error.code == .waitTimeout, !isOver else { throw error }
            }
        }
    }

    private static func waitMilliseconds(until end: NIODeadline?) -> UInt32 {
        guard let end else { return Limits.waitMillisecondsMax }
        let left = (end - .now()).nanoseconds / 1_000_000 + 1
        return UInt32(min(max(left, 1), Int64(Limits.waitMillisecondsMax)))
    }

    /// Submits exactly once, over as many connections as it takes.
    func submit(
        _ message: Submit, until deadline: NIODeadline
    ) async throws(MartletError) -> Submitted {
        guard !isStopping else { throw .stopped }
        submitting += 1
        defer { submissionEnded() }
        var timesSent = 0
        do throws(MartletError) {
            return try await submit(message, until: deadline, &timesSent)
        } catch {
            guard error.code == .sequenceForgotten, timesSent == 1 else { throw error }
            return try await submit(message, until: deadline, &timesSent)
        }
    }

    private func submit(
        _ message: Submit, until deadline: NIODeadline, _ timesSent: inout Int
    ) async throws(MartletError) -> Submitted {
        let sequence = try await openSequence(until: deadline)
        defer { closeSequence(sequence) }
        return try await perform(until: deadline) { (connection) throws(MartletError) in
            var message = message
            message.producer = self.window.producer
            message.sequence = sequence
            message.floor = self.window.floor
            return try await connection.request(
                message, expecting: Submitted.self, deadline: deadline)
        }
    }

    /// From now on submissions have another producer.
    private func replaceProducer(_ producer: UInt64) {
        guard window.producer == producer else { return }
        window = SubmissionWindow(
            producer: .random(in: 1 ... .max), capacity: Int(Limits.producerWindowMax))
        wakeAll(\.forWindow, .success(()))
    }

    func perform<Reply: Sendable>(
        until deadline: NIODeadline,
        _ attempt: (WireConnection) async throws(MartletError) -> Reply
    ) async throws(MartletError) -> Reply {
        var backoff = configuration.reconnectBackoff
        var refusal: MartletError?
        while true {
            do throws(MartletError) {
                return try await attemptOnce(until: deadline, attempt)
            } catch {
                // Why the server refused says more than that the time is over.
                if error.code == .timeout, let refusal { throw refusal }
                guard error.isWorthRepeating else { throw error }
                refusal = error
                if error.code == .connectionLost { continue }
                let delay = TimeAmount(backoff.next(atLeast: error.retryAfter ?? .zero))
                guard eventLoop.now + delay < deadline else { throw error }
                await pause(.nanoseconds(delay.nanoseconds))
                if Task.isCancelled { throw .cancelled }
            }
        }
    }

    /// - Throws: what the server answered; `connectionLost` when the connection broke, and is then
    ///   no longer the current one.
    private func attemptOnce<Reply: Sendable>(
        until deadline: NIODeadline,
        _ attempt: (WireConnection) async throws(MartletError) -> Reply
    ) async throws(MartletError) -> Reply {
        let connection = try await connection(until: deadline)
        do throws(MartletError) {
            return try await attempt(connection)
        } catch {
            if let reason = await connection.closeReason { disconnected(connection, reason) }
            throw error
        }
    }

    private func submissionEnded() {
        submitting -= 1
        if submitting == 0 { becameIdle() }
    }

    private func openSequence(until deadline: NIODeadline) async throws(MartletError) -> UInt64 {
        while true {
            if let sequence = window.open() { return sequence }
            try await wait(\.forWindow, until: deadline)
        }
    }

    private func closeSequence(_ sequence: UInt64) {
        for _ in 0..<window.close(sequence) {
            waiting.forWindow.popFirst()?.resume(returning: .success(()))
        }
    }
}

extension MartletError {
    /// Waiting longer for a job, or for room in a queue, is for the caller to decide; a time that
    /// is over stays over; and for a connection that can't be made the call has waited as long as
    /// it may.
    fileprivate var isWorthRepeating: Bool {
        isRetryable && !Self.notWorthRepeating.contains(code)
    }

    private static let notWorthRepeating: Set<Code> = [
        .waitTimeout, .timeout, .cannotConnect, .queueFull, .queueDraining,
    ]

    fileprivate static func outcomeUnknown(_ request: String, _ error: MartletError) -> MartletError
    {
        MartletError(
            .outcomeUnknown,
            "\(request) was sent and no answer came: \(error.message). "
                + "Look whether it was carried out before you ask again.",
            underlyingError: error)
    }

    static var stopped: MartletError {
        MartletError(.stopped, "the client has been shut down")
    }
}
