package import NIOCore

/// An error as it travels. What is sent is made of a `WireError` or a `ClosingError`.
package struct ErrorMessage: Message, Error {
    package static let opcode = Opcode.error

    package var code: ErrorCode
    package var isRetryable: Bool
    /// The connection is closed after this frame.
    package var closes: Bool
    /// 0: no opinion.
    package var retryAfterMilliseconds: UInt32
    package var limit: UInt64
    package var actual: UInt64
    package var message: String

    package init(_ error: WireError) {
        code = error.code
        isRetryable = error.isRetryable
        closes = false
        retryAfterMilliseconds = error.retryAfterMilliseconds
        limit = error.limit
        actual = error.actual
        message = error.message
    }

    package init(_ error: ClosingError) {
        code = error.code
        isRetryable = error.code.isRetryable
        closes = true
        retryAfterMilliseconds = 0
        limit = error.limit
        actual = error.actual
        message = error.message
    }

    package init(from reader: inout WireReader) throws(WireError) {
        code = ErrorCode(rawValue: try reader.u16())
        let flags = try reader.u8()
        isRetryable = flags & 1 != 0
        closes = flags & 2 != 0
        retryAfterMilliseconds = try reader.u32()
        limit = try reader.u64()
        actual = try reader.u64()
        message = try reader.text16()
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            code.rawValue, UInt8(isRetryable ? 1 : 0) | UInt8(closes ? 2 : 0),
            retryAfterMilliseconds,
            limit, actual, endianness: .little)
        buffer.writeText16(message.truncated(toUTF8Bytes: Limits.errorMessageBytesMax))
    }
}

extension WireError {
    /// Reads the error body of an item whose code was read before.
    init(itemCode code: ErrorCode, from reader: inout WireReader) throws(WireError) {
        guard !code.closes else {
            throw .invalidMessage("item has the error \(code), which closes")
        }
        let flags = try reader.u8()
        let retryAfter = try reader.u32()
        let limit = try reader.u64()
        let actual = try reader.u64()
        self.init(
            code, isRetryable: flags & 1 != 0, retryAfterMilliseconds: retryAfter, limit: limit,
            actual: actual, try reader.text16())
    }

    /// Writes code and error body of an item.
    func writeItem(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            code.rawValue, UInt8(isRetryable ? 1 : 0), retryAfterMilliseconds, limit, actual,
            endianness: .little)
        buffer.writeText16(message.truncated(toUTF8Bytes: Limits.itemMessageBytesMax))
    }
}
