import NIOCore

/// The payload of a job: JSON-like text that says which job it is and when it was sent, and fills up with words.
///
/// Both numbers travel in the payload, so that whoever receives it needs no table: `{"job":"…","at":"…","text":"…"}`.
struct JobPayload {
    /// The text around the numbers, and room for a word.
    static let bytesMin = 64

    private(set) var bytes: ByteBuffer

    private static let indexOffset = 8
    private static let sentOffset = 32

    /// - Parameter byteCount: At least `bytesMin`.
    init(byteCount: Int) {
        precondition(byteCount >= JobPayload.bytesMin)
        let zeros = String(repeating: "0", count: 16)
        var text = #"{"job":"\#(zeros)","at":"\#(zeros)","text":""#
        let words = ["swift", "martin", "heraldic", "bird", "never", "lands", "queue", "worker"]
        var next = 0
        while text.utf8.count < byteCount - 2 {
            text += words[next] + " "
            next = (next * 5 + 3) % words.count
        }
        bytes = ByteBuffer(string: text.prefix(byteCount - 2) + #""}"#)
    }

    mutating func stamp(_ stamp: JobStamp) {
        write(UInt64(stamp.index), at: JobPayload.indexOffset)
        write(stamp.sentAt, at: JobPayload.sentOffset)
    }

    /// Whether `other` holds these bytes, byte for byte.
    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        bytes.readableBytesView.elementsEqual(other)
    }

    private mutating func write(_ number: UInt64, at offset: Int) {
        bytes.setInteger(HexDigits.encode(UInt32(truncatingIfNeeded: number >> 32)), at: offset)
        bytes.setInteger(HexDigits.encode(UInt32(truncatingIfNeeded: number)), at: offset + 8)
    }

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
        let high = HexDigits.decode(digits(offset))
        let low = HexDigits.decode(digits(offset + 8))
        return UInt64(high) << 32 | UInt64(low)
    }
}

/// Which job it is, and when it was sent.
struct JobStamp: Equatable {
    /// Counted from 0 within its queue.
    var index: Int
    /// Nanoseconds of `LoadClock`.
    var sentAt: UInt64
}
