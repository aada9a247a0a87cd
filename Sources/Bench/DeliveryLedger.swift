/// Which jobs were acknowledged and which were delivered: one bit each, so that exactly-once is counted, not sampled.
struct DeliveryLedger {
    private var acknowledgedBits = Bitmap()
    private var deliveredBits = Bitmap()

    private(set) var acknowledged = 0
    /// Acknowledged and not delivered (yet).
    private(set) var missing = 0
    /// Deliveries beyond the first of a job.
    private(set) var duplicated = 0
    /// Deliveries whose payload was not what had been submitted.
    private(set) var damaged = 0

    /// Jobs that were submitted: greater numbers are nobody's.
    private var jobs: Int

    /// - Parameter jobs: Known to be submitted from the beginning.
    init(jobs: Int = 0) { self.jobs = jobs }

    /// Jobs up to that number are submitted.
    mutating func submit(below count: Int) { jobs = max(jobs, count) }

    var verdict: DeliveryVerdict {
        DeliveryVerdict(
            acknowledged: acknowledged, lost: missing, duplicated: duplicated, damaged: damaged)
    }

    mutating func acknowledge(_ index: Int) {
        acknowledgedBits.insert(index)
        acknowledged += 1
        if !deliveredBits.contains(index) { missing += 1 }
    }

    /// A delivery may overtake the acknowledgement of its submission.
    mutating func deliver(_ index: Int) {
        guard index >= 0, index < jobs else { return damage() }
        if deliveredBits.contains(index) {
            duplicated += 1
        } else {
            deliveredBits.insert(index)
            if acknowledgedBits.contains(index) { missing -= 1 }
        }
    }

    mutating func damage() { damaged += 1 }
}

/// Whether every acknowledged job was delivered exactly once.
package struct DeliveryVerdict: Equatable, Sendable {
    package var acknowledged = 0
    /// Acknowledged and never delivered.
    package var lost = 0
    /// Deliveries beyond the first of a job.
    package var duplicated = 0
    /// Deliveries whose payload was not what had been submitted.
    package var damaged = 0

    package var isExact: Bool { lost == 0 && duplicated == 0 && damaged == 0 }

    mutating func add(_ other: DeliveryVerdict) {
        acknowledged += other.acknowledged
        lost += other.lost
        duplicated += other.duplicated
        damaged += other.damaged
    }
}

/// A set of numbers from 0.
struct Bitmap {
    private var words: [UInt64] = []

    func contains(_ index: Int) -> Bool {
        let word = index >> 6
        return word < words.count && words[word] & 1 << (index & 63) != 0
    }

    mutating func insert(_ index: Int) {
        let word = index >> 6
        while word >= words.count { words.append(0) }
        words[word] |= 1 << (index & 63)
    }
}
