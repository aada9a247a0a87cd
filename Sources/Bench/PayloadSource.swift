import MartletWire

/// Where the bytes of jobs come from.
package enum PayloadSource: Sendable {
    /// Text like JSON of that many bytes, made from the seed.
    case generated(byteCount: Int)
    /// These in turn, each inside an object that says which job it is.
    case samples([[UInt8]])

    /// The samples of a file: its lines, without those that are empty.
    ///
    /// - Throws: `BenchError.invalidOption` when there are none.
    package static func lines(of bytes: [UInt8], named name: String) throws(BenchError) -> Self {
        let lines = bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
        guard !lines.isEmpty else { throw .invalidOption("--payload-file \(name) has no lines") }
        return .samples(lines)
    }

    /// Of the longest payload.
    package var byteCountMax: Int {
        switch self {
        case .generated(let byteCount): byteCount
        case .samples(let samples): JobPayload.envelopeBytes + (samples.map(\.count).max() ?? 0)
        }
    }

    func check() throws(BenchError) {
        switch self {
        case .generated(let byteCount):
            let range = JobPayload.bytesMin...Limits.payloadBytesMax
            guard !range.contains(byteCount) else { return }
            throw .outOfRange(flag: "--payload-size", value: byteCount, range: range)
        case .samples(let samples):
            let range = 1...Limits.payloadBytesMax - JobPayload.envelopeBytes
            for sample in samples where !range.contains(sample.count) {
                throw .outOfRange(
                    flag: "a line of --payload-file in bytes", value: sample.count, range: range)
            }
        }
    }
}

/// Numbers that follow from a seed (SplitMix64, Steele et al. 2014).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
