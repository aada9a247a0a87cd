import NIOCore

/// The payloads of a run: JSON-like text that says which job it is and when it was sent, and goes on with words or
/// with a line of a file.
///
/// Both numbers travel in the payload, so that whoever receives it needs no table: `{"job":"…","at":"…",…}`.
struct JobPayload {
    /// What follows the numbers; job by job the next.
    private let texts: [ByteBuffer]

    /// The text around the numbers, and room for a word.
    static let bytesMin = 64
    /// What a payload is longer than the line of a file that is in it.
    static let envelopeBytes = stampBytes + beforeLine.utf8.count + 1

    private static let stampBytes = 48
    private static let indexOffset = 8
    private static let sentOffset = 32
    private static let beforeLine = #"","body":"#

    /// - Parameter source: One that has passed its check.
    init(_ source: PayloadSource, seed: UInt64 = 1) {
        switch source {
        case .generated(let byteCount): texts = JobPayload.generate(byteCount, seed)
        case .samples(let samples):
            texts = samples.map { line in
                var text = ByteBuffer(string: JobPayload.beforeLine)
                text.writeBytes(line)
                text.writeString("}")
                return text
            }
        }
    }

    func byteCount(of index: Int) -> Int {
        JobPayload.stampBytes + texts[index % texts.count].readableBytes
    }

    func write(_ stamp: JobStamp, to buffer: inout ByteBuffer) {
        let index = HexDigits.encode(UInt64(stamp.index))
        let sentAt = HexDigits.encode(stamp.sentAt)
        buffer.writeMultipleIntegers(
            JobPayload.beforeIndex, index.high, index.low, JobPayload.beforeSent, sentAt.high,
            sentAt.low)
        buffer.writeImmutableBuffer(texts[stamp.index % texts.count])
    }

    /// One payload for each text, as far as they have `bytesMax` bytes together: of texts that come again a dictionary
    /// would learn each by heart.
    func samples(bytesMax: Int, seed: UInt64) -> [[UInt8]] {
        var numbers = SeededNumbers(seed: seed)
        var samples: [[UInt8]] = []
        var left = bytesMax
        for index in texts.indices {
            left -= byteCount(of: index)
            guard left >= 0 else { break }
            // Nanoseconds since a computer was started, in the last days.
            let stamp = JobStamp(
                index: index, sentAt: UInt64.random(in: 0..<1 << 50, using: &numbers))
            var sample = ByteBuffer()
            write(stamp, to: &sample)
            samples.append(Array(sample.readableBytesView))
        }
        return samples
    }

    /// `{"job":"` and `","at":"`: eight characters each, so that numbers and names are words of a register.
    private static let beforeIndex: UInt64 = 0x7b22_6a6f_6222_3a22
    private static let beforeSent: UInt64 = 0x222c_2261_7422_3a22

    /// The stamp of a delivered payload; `nil` when it is too short to have one.
    static func stamp(of payload: RawSpan) -> JobStamp? {
        guard payload.byteCount >= sentOffset + 16 else { return nil }
        return JobStamp(
            index: Int(truncatingIfNeeded: number(in: payload, at: indexOffset)),
            sentAt: number(in: payload, at: sentOffset))
    }

    private static func number(in payload: RawSpan, at offset: Int) -> UInt64 {
        func digits(_ offset: Int) -> UInt64 {
            UInt64(
                bigEndian: payload.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        return HexDigits.decode(high: digits(offset), low: digits(offset + 8))
    }
}

// MARK: Generated text

extension JobPayload {
    private static let words = [
        "swift", "martin", "heraldic", "bird", "never", "lands", "queue", "worker", "invoice",
        "welcome", "shipping", "confirmation", "thumbnail", "monday", "customer", "receipt",
        "delivery", "address", "reminder", "attached", "regards", "order", "parcel", "signature",
    ]

    /// Enough different ones that a compressor learns what payloads have in common and no more.
    private static let textsMax = 1_024
    private static let textBytes = 4 << 20
    /// Payloads that have room for some fields beside their text.
    private static let fieldsMin = 160

    private static func generate(_ byteCount: Int, _ seed: UInt64) -> [ByteBuffer] {
        precondition(byteCount >= bytesMin)
        var numbers = SeededNumbers(seed: seed)
        let count = max(1, min(textsMax, textBytes / byteCount))
        return (0..<count).map { _ in ByteBuffer(string: text(byteCount, &numbers)) }
    }

    private static func text(_ byteCount: Int, _ numbers: inout SeededNumbers) -> String {
        func word() -> String { words[Int.random(in: 0..<words.count, using: &numbers)] }
        let end = #""}"#
        let length = byteCount - stampBytes - end.utf8.count
        var text = #"","text":""#
        if byteCount >= fieldsMin {
            let customer = Int.random(in: 10_000...99_999, using: &numbers)
            text =
                #"","customer":\#(customer),"to":"\#(word()).\#(word())@example.com","text":""#
        }
        while text.utf8.count < length { text += word() + " " }
        return text.prefix(length) + end
    }
}

/// Which job it is, and when it was sent.
struct JobStamp: Equatable {
    /// Counted from 0 within its queue.
    var index: Int
    /// Nanoseconds of `LoadClock`: when it was sent, or should have been.
    var sentAt: UInt64
}
