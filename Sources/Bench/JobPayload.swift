import NIOCore

/// The payload of a job: JSON-like text that says which job it is and when it was sent, and fills up with words.
///
/// Both numbers travel in the payload, so that whoever receives it needs no table: `{"job":"…","at":"…","text":"…"}`.
struct JobPayload {
    let byteCount: Int
    /// What follows the numbers; the same in every payload of this size.
    private let text: ByteBuffer

    /// The text around the numbers, and room for a word.
    static let bytesMin = 64

    private static let stampBytes = 48
    private static let indexOffset = 8
    private static let sentOffset = 32

    /// - Parameter byteCount: At least `bytesMin`.
    init(byteCount: Int) {
        precondition(byteCount >= JobPayload.bytesMin)
        let words = ["swift", "martin", "heraldic", "bird", "never", "lands", "queue", "worker"]
        let end = #""}"#
        let length = byteCount - JobPayload.stampBytes - end.utf8.count
        var text = #"","text":""#
        var next = 0
        while text.utf8.count < length {
            text += words[next] + " "
            next = (next * 5 + 3) % words.count
        }
        self.byteCount = byteCount
        self.text = ByteBuffer(string: text.prefix(length) + end)
    }

    func write(_ stamp: JobStamp, to buffer: inout ByteBuffer) {
        let index = HexDigits.encode(UInt64(stamp.index))
        let sentAt = HexDigits.encode(stamp.sentAt)
        buffer.writeMultipleIntegers(
            JobPayload.beforeIndex, index.high, index.low, JobPayload.beforeSent, sentAt.high,
            sentAt.low)
        buffer.writeImmutableBuffer(text)
    }

    /// `{"job":"` and `","at":"`: eight characters each, so that numbers and names are words of a register.
    private static let beforeIndex: UInt64 = 0x7b22_6a6f_6222_3a22
    private static let beforeSent: UInt64 = 0x222c_2261_7422_3a22

    /// The stamp of a delivered payload; `nil` when it is too short to have one.
    static func stamp(of payload: UnsafeRawBufferPointer) -> JobStamp? {
        guard payload.count >= bytesMin else { return nil }
        return JobStamp(
            index: Int(truncatingIfNeeded: number(in: payload, at: indexOffset)),
            sentAt: number(in: payload, at: sentOffset))
    }

    private static func number(in payload: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        func digits(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: payload.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        return HexDigits.decode(high: digits(offset), low: digits(offset + 8))
    }
}

/// Which job it is, and when it was sent.
struct JobStamp: Equatable {
    /// Counted from 0 within its queue.
    var index: Int
    /// Nanoseconds of `LoadClock`.
    var sentAt: UInt64
}
