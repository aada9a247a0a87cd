import MartletCompression
import NIOCore

/// What a client knows of the dictionary of one job type: the active one and how well it does, or the payloads from
/// which it makes one. Rules alone: somebody else asks the server, and trains.
struct TypeDictionary {
    /// What is to be done for the type, off the path of those who submit.
    enum Wish: Equatable {
        /// Ask the server for the active one.
        case look
        /// Make one of these payloads, and register it in the place of the active one.
        case train([[UInt8]])
    }

    /// Submissions of a type before the server is asked whether it has a dictionary: a client that submits a job
    /// or two asks nothing.
    static let looksFrom = 100
    /// How long the server's answer counts.
    static let looksAgainAfter = TimeAmount.minutes(1)
    /// Payloads, and bytes of them, that a dictionary is made from.
    static let samplesMax = 1_000
    static let sampleBytesMax = 1 << 20
    /// Longer payloads are no samples: they gain little.
    static let sampleBytes = 1..<(16 << 10)
    /// Payloads that must come by before it is tried again, when one was not worth having.
    static let pauseAfterFailure = 100_000

    private(set) var active: ZstdDictionary?
    private var yield = DictionaryYield()
    private let trains: Bool
    private var samples: [[UInt8]] = []
    private var sampledBytes = 0
    private var seen = 0
    /// Payloads that come earlier are no samples.
    private var samplesFrom = 0
    /// The server answered once: without a dictionary there, one is to be made.
    private(set) var hasLooked = false
    private var looksAgainAt = NIODeadline.uptimeNanoseconds(0)
    /// A wish is being carried out.
    private var isBusy = false
    private var isOff = false

    init(trains: Bool) { self.trains = trains }

    /// Payloads of the type are about to be submitted.
    mutating func submitting(_ payloads: [ByteBuffer], now: NIODeadline) -> Wish? {
        guard !isOff else { return nil }
        seen += payloads.count
        if wantsSamples { collect(payloads) }
        guard !isBusy, seen >= Self.looksFrom else { return nil }
        if now >= looksAgainAt {
            isBusy = true
            return .look
        }
        guard wantsSamples, hasLooked, isFull else { return nil }
        isBusy = true
        // However often payloads drift, few dictionaries are made of them.
        samplesFrom = 2 * seen
        defer { forgetSamples() }
        return .train(samples)
    }

    /// There is no dictionary, or the one that is there is not what it was.
    private var wantsSamples: Bool {
        trains && seen > samplesFrom && (active == nil || yield.hasDrifted)
    }

    private var isFull: Bool {
        samples.count >= Self.samplesMax || sampledBytes >= Self.sampleBytesMax
    }

    private mutating func collect(_ payloads: [ByteBuffer]) {
        for payload in payloads where Self.sampleBytes.contains(payload.readableBytes) {
            guard !isFull else { return }
            samples.append(Array(payload.readableBytesView))
            sampledBytes += payload.readableBytes
        }
    }

    private mutating func forgetSamples() {
        samples = []
        sampledBytes = 0
    }

    /// Payloads were compressed with the dictionary of that id, as far as it paid.
    mutating func packed(_ packed: PackedBytes, with id: UInt32) {
        // Samples are of payloads that came one after the other.
        if id == active?.id, yield.add(packed), !yield.hasDrifted { forgetSamples() }
    }

    /// The server has told which one is active; nil: there is none.
    /// - Parameter share: what a raw byte came to when it was made here and tried.
    mutating func looked(_ dictionary: ZstdDictionary?, share: Double? = nil, now: NIODeadline) {
        isBusy = false
        hasLooked = true
        looksAgainAt = now + Self.looksAgainAfter
        guard dictionary !== active else { return }
        active = dictionary
        yield = DictionaryYield(share)
        forgetSamples()
    }

    /// The server could not be asked, or did not answer.
    mutating func lookFailed(now: NIODeadline) {
        isBusy = false
        looksAgainAt = now + Self.looksAgainAfter
    }

    /// None was made of the samples that is worth having.
    mutating func foundNone() {
        yield.accept()
        registeringFailed()
    }

    /// The server did not take one, or has room for no other.
    mutating func registeringFailed() {
        isBusy = false
        samplesFrom = max(samplesFrom, seen + Self.pauseAfterFailure)
    }

    /// Another client was faster: its dictionary is to be fetched.
    mutating func isStale() {
        isBusy = false
        looksAgainAt = .uptimeNanoseconds(0)
    }

    /// The server no longer has a dictionary that payloads named.
    mutating func refused() {
        active = nil
        isStale()
    }

    /// The server knows of no dictionaries at all.
    mutating func turnOff() {
        self = TypeDictionary(trains: false)
        isOff = true
    }
}
