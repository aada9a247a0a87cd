import MartletWire
import NIOCore

/// How small a dictionary makes payloads of late, beside how small it made them once: a few numbers, however many
/// payloads there are.
struct DictionaryYield {
    /// Payloads that are looked at together.
    static let windowPayloads = 1_000
    /// Payloads that have become larger by more than this have drifted away from it.
    static let driftFrom = 1.25

    /// The least that a raw byte came to; nil: nobody here saw the dictionary when it was new.
    private var least: Double?
    /// What it came to in the last window.
    private var latest: Double?
    private var window = PackedBytes()
    private(set) var hasDrifted = false

    /// - Parameter share: what a raw byte of the payloads came to that it was tried on.
    init(_ share: Double? = nil) { least = share }

    /// - Returns: whether a window is full, and says whether payloads have drifted.
    mutating func add(_ packed: PackedBytes) -> Bool {
        window += packed
        guard window.payloads >= Self.windowPayloads else { return false }
        let share = Double(window.carried) / Double(window.raw)
        hasDrifted = least.map { share > $0 * Self.driftFrom } ?? true
        if let least { self.least = min(least, share) }
        latest = share
        window = PackedBytes()
        return true
    }

    /// No other dictionary does better: what this one comes to now is what can be expected of it.
    mutating func accept() {
        least = latest
        hasDrifted = false
    }
}

/// Lengths of payloads before and after they were compressed.
struct PackedBytes {
    private(set) var payloads = 0
    private(set) var raw = 0
    private(set) var carried = 0
    /// Of the payloads that count: others are not what dictionaries are made from.
    private let counted: Range<Int>

    /// - Parameter dictionary: nil: none counts.
    init(with dictionary: PackingDictionary? = nil) {
        let upperBound = TypeDictionary.sampleBytes.upperBound
        counted = min(dictionary?.from ?? upperBound, upperBound)..<upperBound
    }

    mutating func count(_ payload: Payload) {
        guard counted.contains(Int(payload.rawBytes)) else { return }
        payloads += 1
        raw += Int(payload.rawBytes)
        carried += payload.bytes.readableBytes
    }

    static func += (sum: inout PackedBytes, other: PackedBytes) {
        sum.payloads += other.payloads
        sum.raw += other.raw
        sum.carried += other.carried
    }
}
