internal import NIOCore

/// What a worker says of an attempt that failed.
package struct JobFailure: Equatable, Sendable {
    /// At most 8,192 bytes.
    package var message: String
    /// What kind of error it was, such as `Timeout`; at most 128 bytes.
    package var errorClass: String?
    /// Where it happened; at most 8,192 bytes.
    package var stack: String?
    /// Instead of the backoff, 0 to 31,536,000,000.
    package var retryAfterMilliseconds: UInt64?
    /// The job is dead at once, whatever attempts are left.
    package var discards: Bool
    /// By which dead jobs are grouped (see `ErrorFingerprint`); `nil`: the server makes one.
    package var fingerprint: UInt64?

    package init(
        _ message: String, errorClass: String? = nil, stack: String? = nil,
        retryAfterMilliseconds: UInt64? = nil, discards: Bool = false, fingerprint: UInt64? = nil
    ) {
        self.message = message
        self.errorClass = errorClass
        self.stack = stack
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.discards = discards
        self.fingerprint = fingerprint
    }

    /// A copy of what `view` points to.
    package init(_ view: JobFailureView) {
        self.init(
            String(decoding: view.message, as: UTF8.self),
            errorClass: view.errorClass.map { String(decoding: $0, as: UTF8.self) },
            stack: view.stack.map { String(decoding: $0, as: UTF8.self) },
            retryAfterMilliseconds: view.retryAfterMilliseconds, discards: view.discards,
            fingerprint: view.fingerprint)
    }

    /// Texts that are too long are cut.
    func write(to buffer: inout ByteBuffer) {
        buffer.writeText16(message.truncated(toUTF8Bytes: Limits.reasonBytesMax))
        buffer.writeOption(1, errorClass?.truncated(toUTF8Bytes: Limits.errorClassBytesMax))
        buffer.writeOption(2, stack?.truncated(toUTF8Bytes: Limits.errorStackBytesMax))
        buffer.writeOption(3, retryAfterMilliseconds)
        buffer.writeOption(4, when: discards)
        buffer.writeOption(5, fingerprint)
    }
}

/// A failure inside a message that is being read; not to be kept. The texts are checked to be UTF-8.
package struct JobFailureView {
    package private(set) var message: UnsafeRawBufferPointer
    package private(set) var errorClass: UnsafeRawBufferPointer?
    package private(set) var stack: UnsafeRawBufferPointer?
    package private(set) var retryAfterMilliseconds: UInt64?
    package private(set) var discards = false
    /// `nil` also for 0, which is none.
    package private(set) var fingerprint: UInt64?

    init(from reader: inout WireReader) throws(WireError) {
        message = try JobFailureView.text(
            reader.bytes16(), "message", bytesMax: Limits.reasonBytesMax)
        guard reader.left > 0 else { return }
        var read = self
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 1:
                read.errorClass = try Self.text(
                    option.rest(), "class", bytesMax: Limits.errorClassBytesMax)
            case 2:
                read.stack = try Self.text(
                    option.rest(), "stack", bytesMax: Limits.errorStackBytesMax)
            case 3: read.retryAfterMilliseconds = try Self.retryAfter(option.u64())
            case 4: read.discards = true
            case 5: read.fingerprint = try Self.fingerprint(option.u64())
            default: option.skip()
            }
        }
        self = read
    }

    private static func text(
        _ bytes: UnsafeRawBufferPointer, _ field: String, bytesMax: Int
    ) throws(WireError) -> UnsafeRawBufferPointer {
        guard bytes.count <= bytesMax else {
            throw .fieldInvalid(
                "\(field)'s length", actual: UInt64(bytes.count), range: 0...UInt64(bytesMax))
        }
        guard isValidUTF8(bytes) else { throw .invalidMessage("\(field) is not valid UTF-8") }
        return bytes
    }

    private static func retryAfter(_ milliseconds: UInt64) throws(WireError) -> UInt64 {
        guard milliseconds <= Limits.delayMillisecondsMax else {
            throw .fieldInvalid(
                "retry_after", actual: milliseconds, range: 0...Limits.delayMillisecondsMax)
        }
        return milliseconds
    }

    private static func fingerprint(_ value: UInt64) -> UInt64? { value == 0 ? nil : value }
}

/// ASCII is seen without making a string.
func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
}
