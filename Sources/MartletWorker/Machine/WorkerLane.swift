import NIOCore

/// One queue that the worker takes jobs from, with slots of its own.
struct WorkerLane {
    let queue: String
    /// Handlers that may run at a time.
    let slots: Int
    /// Most jobs fetched ahead for each slot.
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
    /// Jobs fetched ahead for each slot now.
    private var ahead = 0

    /// Work that is fetched ahead: some round trips to a server that syncs its disk for each.
    private static let aheadTime = TimeAmount.milliseconds(20)
    /// Longer handlers get no jobs fetched ahead: these would wait here while another worker is idle.
    private static let paceMax = TimeAmount.seconds(1)

    init(queue: String, slots: Int, prefetch: Int) {
        self.queue = queue
        self.slots = slots
        self.prefetch = prefetch
    }

    /// Deliveries that may be unsettled at a time.
    var window: Int { slots * (1 + ahead) }

    /// The credit that the server should know of.
    var creditWanted: Int { max(0, window - carried) }

    var hasFreeSlot: Bool { running < slots }

    /// A handler has run for so long.
    mutating func observe(_ time: TimeAmount) {
        let average = pace.map { ($0.nanoseconds * 7 + time.nanoseconds) / 8 } ?? time.nanoseconds
        pace = .nanoseconds(average)
        guard average <= Self.paceMax.nanoseconds else { return ahead = 0 }
        let fitting = Self.aheadTime.nanoseconds / max(average, 1)
        let wanted = min(prefetch, Int(clamping: max(1, fitting)))
        // The credit does not follow every breath of the average.
        if ahead == 0 || wanted >= 2 * ahead || 2 * wanted <= ahead { ahead = wanted }
    }

    /// Jobs were fetched ahead in vain.
    mutating func slowDown() {
        pace = Self.paceMax + .seconds(1)
        ahead = 0
    }
}
