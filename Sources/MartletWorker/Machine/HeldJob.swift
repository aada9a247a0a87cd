import MartletWire
import NIOCore

/// One delivery of a job: the id alone would not tell it from an earlier one.
struct JobKey: Hashable, Sendable {
    let id: JobID
    /// The lease token.
    let token: UInt64

    /// Of one job there is rarely more than one delivery.
    func hash(into hasher: inout Hasher) { hasher.combine(id.rawValue) }
}

/// A delivery as a handler gets it. It passes through many hands, so that copying one is to be cheap.
final class DeliveredJob: Sendable {
    let key: JobKey
    let queue: String
    let type: String
    let delivery: Delivery

    init(key: JobKey, queue: String, type: String, _ delivery: Delivery) {
        self.key = key
        self.queue = queue
        self.type = type
        self.delivery = delivery
    }

    var fields: DeliveryFields { delivery.fields }
    var payload: Payload { delivery.payload }
    var options: DeliveryOptions { delivery.options }
}

extension DeliveredJob: Equatable {
    static func == (one: DeliveredJob, other: DeliveredJob) -> Bool {
        (one.key, one.queue, one.type, one.delivery)
            == (other.key, other.queue, other.type, other.delivery)
    }
}

/// What the worker remembers of a job for as long as it holds its lease.
struct HeldJob {
    /// Which queue's slots it takes.
    let lane: Int
    let leaseMilliseconds: UInt32
    /// How long its handler may run.
    let timeout: TimeAmount?
    /// When the lease ends, unless it is extended.
    var leaseEnds: NIODeadline
    /// When it is to be extended next.
    var renewAt: NIODeadline
    /// It was delivered on an earlier connection, so that it takes no credit on this one.
    var isCarried = false
    var phase: Phase

    enum Phase: Equatable {
        /// In the prefetch buffer.
        case waiting(since: NIODeadline)
        case running(since: NIODeadline, timeoutAt: NIODeadline?)
        /// Its handler was told to stop and has not yet returned.
        case cancelled(CancellationReason, since: NIODeadline)
        /// Its handler has ended; the server hears of it once it has heard the rest.
        indirect case finished(Settlement.Verdict)
    }

    init(lane: Int, leaseMilliseconds: UInt32, timeout: TimeAmount? = nil, now: NIODeadline) {
        self.lane = lane
        self.leaseMilliseconds = leaseMilliseconds
        self.timeout = timeout
        leaseEnds = now + .milliseconds(Int64(leaseMilliseconds))
        renewAt = now
        phase = .waiting(since: now)
        scheduleRenewal(now)
    }

    /// - Returns: when its handler is to be stopped.
    mutating func start(_ now: NIODeadline) -> NIODeadline? {
        let timeoutAt = timeout.map { now + $0 }
        phase = .running(since: now, timeoutAt: timeoutAt)
        return timeoutAt
    }

    /// At a third of the lease: two renewals may get lost before the lease is.
    mutating func scheduleRenewal(_ now: NIODeadline) {
        renewAt = now + .milliseconds(Int64(leaseMilliseconds) / 3)
    }

    /// A renewal sent at that time was granted.
    mutating func extend(from sentAt: NIODeadline) {
        leaseEnds = sentAt + .milliseconds(Int64(leaseMilliseconds))
    }

    /// Nobody extends a lease that is gone.
    var isRenewable: Bool {
        if case .cancelled(.leaseLost, _) = phase { false } else { true }
    }

    var startedAt: NIODeadline? {
        switch phase {
        case .waiting, .finished: nil
        case .running(let since, _), .cancelled(_, let since): since
        }
    }
}
