import Engine
import MartletWire
import NIOCore
import Store

/// Gives ready jobs to subscriptions that have credit, in turn. Owned by the writer thread.
struct Dispatcher: ~Copyable {
    /// Per queue, the subscriptions that may take jobs, the next to be served first.
    private var hungry: [QueueIndex: CircularBuffer<Subscription>] = [:]
    private var subscribers: [QueueIndex: UInt32] = [:]
    private var writer = JobsWriter()
    /// Where the bytes of the last turn ended: the next one begins behind it.
    private var servedLast: QueueIndex?
    /// Bytes of a push to which no further delivery is added: what jobs carry beside their payloads takes no
    /// credit, and a message has its limit all the same.
    private let pushBytesMax: Int

    /// What delivering a job costs beside its payload, in bytes of payload that cost as much.
    private static let jobBytes = 256
    /// A push of one frame with more is sent from where it was written; one of less is copied to what else goes to the
    /// connection.
    private static let copiedBytesMax = 16 << 10

    init(_ limits: ServerLimits) {
        pushBytesMax = max(Int(limits.payloadBytesMax), Limits.messageOverheadBytes / 2)
    }

    func subscriberCount(_ queue: QueueIndex) -> UInt32 { subscribers[queue, default: 0] }

    /// Whether somebody has credit for jobs of the queue.
    func isAnyoneHungry(_ queue: QueueIndex) -> Bool { hungry[queue]?.isEmpty == false }

    mutating func add(_ subscription: Subscription) {
        subscribers[subscription.queue, default: 0] += 1
        creditChanged(subscription)
    }

    mutating func remove(_ subscription: Subscription) {
        guard !subscription.isEnded else { return }
        subscription.isEnded = true
        subscribers[subscription.queue, default: 1] -= 1
        guard subscription.isHungry else { return }
        hungry[subscription.queue]?.removeAll { $0 === subscription }
        if hungry[subscription.queue]?.isEmpty == true { hungry[subscription.queue] = nil }
    }

    /// To be called whenever a subscription may have more credit than before.
    mutating func creditChanged(_ subscription: Subscription) {
        guard subscription.mayTake, !subscription.isHungry else { return }
        subscription.isHungry = true
        hungry[subscription.queue, default: CircularBuffer()].append(subscription)
    }

    /// Delivers what can be delivered, as pushes in the connections' outboxes; at most `bytesMax` of payload.
    /// - Returns: whether more could be delivered in another turn.
    mutating func dispatch(
        _ engine: Engine, bytesMax: Int, _ rows: borrowing Transaction, noting: (Connection) -> Void
    ) throws -> Bool {
        var bytesLeft = bytesMax
        var queues = Array(hungry.keys)
        if let last = servedLast, let place = queues.firstIndex(of: last) {
            queues = Array(queues[(place + 1)...] + queues[...place])
        }
        servedLast = nil
        for queue in queues where bytesLeft > 0 {
            while engine.hasReady(queue), bytesLeft > 0, let subscription = next(queue) {
                bytesLeft -= try deliver(to: subscription, bytesLeft, engine, rows)
                noting(subscription.peer.connection)
            }
            if bytesLeft <= 0 { servedLast = queue }
        }
        return bytesLeft <= 0
    }

    /// Takes the subscription whose turn it is out of the row.
    private mutating func next(_ queue: QueueIndex) -> Subscription? {
        guard let subscription = hungry[queue]?.popFirst() else {
            hungry[queue] = nil
            return nil
        }
        subscription.isHungry = false
        return subscription
    }

    /// - Parameter bytesLeft: payload bytes that this turn may still deliver; the last job may exceed them.
    /// - Returns: payload bytes delivered, and for each job what delivering it costs beside them.
    private mutating func deliver(
        to subscription: Subscription, _ bytesLeft: Int, _ engine: Engine,
        _ rows: borrowing Transaction
    ) throws -> Int {
        let waiting = (hungry[subscription.queue]?.count ?? 0) + 1
        let share = (engine.readyCount(subscription.queue) + waiting - 1) / waiting
        let request = DeliveryRequest(
            session: subscription.peer.session, subscription: subscription.id,
            jobsMax: min(
                subscription.creditJobs - subscription.jobsOut, share, EngineLimits.deliveryJobsMax),
            bytesMax: max(0, subscription.creditBytes - subscription.bytesOut),
            mayExceed: subscription.jobsOut == 0, bytesEnough: bytesLeft,
            leaseMilliseconds: UInt64(subscription.leaseMilliseconds))
        let token = engine.nextToken
        begin(subscription, token)
        let outcome = try engine.deliver(request, from: subscription.queue, rows) { job in
            if isFull(for: job) {
                push(to: subscription.peer)
                begin(subscription, token)
            }
            writer.add(
                DeliveryFields(job), type: job.type, head: PayloadHead(job), pieces: job.pieces,
                rest: job.payload.bytes, options: DeliveryOptionsView(job))
        }
        guard outcome.jobs > 0 else {
            // What was ready had expired: the subscription wants what comes next.
            if !engine.hasReady(subscription.queue) { creditChanged(subscription) }
            return 1
        }
        subscription.jobsOut += outcome.jobs
        subscription.bytesOut += outcome.bytes
        push(to: subscription.peer)
        if !outcome.isCutShort || outcome.bytes >= bytesLeft { creditChanged(subscription) }
        return outcome.bytes + outcome.jobs * Dispatcher.jobBytes
    }

    private mutating func begin(_ subscription: Subscription, _ token: UInt64) {
        writer.begin(
            subscription: subscription.id, token: token,
            leaseMilliseconds: subscription.leaseMilliseconds)
    }

    /// Whether a job begins another push. One of many jobs is a frame; where a payload takes several, those behind
    /// it stay with it, for shorter pushes pass longer ones.
    private func isFull(for job: borrowing DeliveredJob) -> Bool {
        let (bytes, payload) = (writer.byteCount, Int(job.payloadBytes))
        guard writer.count > 0 else { return false }
        guard bytes <= Limits.splitBytes else { return bytes > pushBytesMax }
        return bytes + Dispatcher.jobBytes + payload > Limits.splitBytes
            && payload <= Limits.splitBytes
    }

    private mutating func push(to peer: Peer) {
        let connection = peer.connection
        if writer.byteCount <= Dispatcher.copiedBytesMax {
            writer.finish(push: peer.nextPush, channel: peer.channel, to: &connection.outbox)
        } else if writer.byteCount <= Limits.splitBytes {
            connection.append(writer.take(push: peer.nextPush, channel: peer.channel))
        } else {
            connection.large.append(writer.take(push: peer.nextPush, channel: peer.channel))
        }
    }
}

extension DeliveryFields {
    init(_ job: DeliveredJob) {
        self.init(
            id: JobID(rawValue: job.id), failures: job.failures, crashes: job.crashes,
            interruptions: job.interruptions, maxAttempts: job.maxAttempts, createdAt: job.createdAt
        )
    }
}

extension DeliveryOptionsView {
    /// Nil for the usual job, which has none.
    init?(_ job: DeliveredJob) {
        guard
            job.timeout > 0 || job.priority != Limits.priorityDefault || job.headers.count > 0
                || job.tags.count > 0 || job.checkpoint.count > 0
        else { return nil }
        self.init()
        headers = job.headers
        checkpoint = job.checkpoint
        timeoutMilliseconds = UInt32(clamping: job.timeout)
        tags = job.tags
        priority = job.priority
    }
}

extension PayloadHead {
    init(_ job: DeliveredJob) {
        self.init(
            codec: Codec(rawValue: job.payload.codec), rawBytes: job.payload.rawBytes,
            checksum: job.payload.checksum, byteCount: job.payloadBytes)
    }
}

extension StoredPayload {
    init(_ view: PayloadView) {
        self.init(
            codec: view.codec.rawValue, rawBytes: view.rawBytes, checksum: view.checksum,
            dictionary: view.dictionary, bytes: view.bytes)
    }
}
