import NIOCore

/// One queue that the worker takes jobs from, with slots of its own.
struct WorkerLane {
    let queue: String
    /// Handlers that may run at a time.
    let slots: Int
    /// Jobs fetched ahead for each slot, when handlers are quick.
    let prefetch: Int
    var running = 0
    /// Delivered, and no slot free yet.
    var waiting = CircularBuffer<DeliveredJob>()
    /// Unsettled jobs of earlier connections, which the server does not count against this one's credit.
    var carried = 0
    /// The credit that the server knows of.
    var creditGiven: Int?
    /// Moving average of the time that a handler runs; nil until one has.
    private var pace: TimeAmount?

    /// Longer handlers get no jobs fetched ahead: these would wait here while another worker is idle.
    private static let prefetchPaceMax = TimeAmount.seconds(1)

    init(queue: String, slots: Int, prefetch: Int) {
        self.queue = queue
        self.slots = slots
        self.prefetch = prefetch
    }

    /// Deliveries that may be unsettled at a time.
    var window: Int {
        guard let pace, pace <= Self.prefetchPaceMax else { return slots }
        return slots * (1 + prefetch)
    }

    /// The credit that the server should know of.
    var creditWanted: Int { max(0, window - carried) }

    var hasFreeSlot: Bool { running < slots }

    mutating func observe(_ time: TimeAmount) {
        guard let pace else { return self.pace = time }
        self.pace = .nanoseconds((pace.nanoseconds * 7 + time.nanoseconds) / 8)
    }

    /// Jobs were fetched ahead in vain.
    mutating func slowDown() {
        pace = Self.prefetchPaceMax + .seconds(1)
    }
}
