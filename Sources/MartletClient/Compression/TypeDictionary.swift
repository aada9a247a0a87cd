import MartletCompression
import NIOCore

/// What a client knows of the dictionary of one job type: the active one, or the payloads from which it makes
/// one. Rules alone: somebody else asks the server, and trains.
struct TypeDictionary {
    /// What is to be done for the type, off the path of those who submit.
    enum Wish: Equatable {
        /// Ask the server for the active one.
        case look
        /// Make one of these payloads, and register it.
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
    private let trains: Bool
    private var samples: [[UInt8]] = []
    private var sampledBytes = 0
    private var seen = 0
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
        if active == nil, trains, seen > samplesFrom { collect(payloads) }
        guard !isBusy, seen >= Self.looksFrom else { return nil }
        if now >= looksAgainAt {
            isBusy = true
            return .look
        }
        guard active == nil, hasLooked, isFull else { return nil }
        isBusy = true
        defer { forgetSamples() }
        return .train(samples)
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

    /// The server has told which one is active; nil: there is none.
    mutating func looked(_ dictionary: ZstdDictionary?, now: NIODeadline) {
        isBusy = false
        hasLooked = true
        looksAgainAt = now + Self.looksAgainAfter
        active = dictionary
        if dictionary != nil { forgetSamples() }
    }

    /// The server could not be asked, or did not answer.
    mutating func lookFailed(now: NIODeadline) {
        isBusy = false
        looksAgainAt = now + Self.looksAgainAfter
    }

    /// None was made of the samples that is worth having, or the server has room for no other.
    mutating func trainingFailed() {
        isBusy = false
        samplesFrom = seen + Self.pauseAfterFailure
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
