/// What went wrong in the store, as a code to act on and a sentence to show.
package struct StoreError: Error, Sendable, Equatable {
    package enum Code: Sendable, Equatable {
        /// A row whose check value or length is wrong. Read it with `raw` and set it aside.
        case damaged(table: Table, key: [UInt8])
        /// A directory that is not empty and not ours.
        case notADataDirectory
        /// A directory that is ours and lacks something, or has something that can't be read or belongs elsewhere.
        case directoryDamaged
        case newerFormat(found: UInt32, supported: UInt32)
        case olderFormat(found: UInt32, supported: UInt32)
        /// Another process, or this one, has the directory open.
        case locked(pid: Int32?)
        /// The log lost a turn that later turns build on; starting would lose it silently.
        case logDamaged(segment: UInt64, offset: Int, turn: UInt64)
        /// Whether the turn or checkpoint reached the disk can't be known: answer nobody, exit, recover.
        /// After it every call fails with the same error.
        case unknownOutcome(errno: Int32)
        /// No space on the device, found before anything changed.
        case full
        case closed
        case system(errno: Int32)
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension StoreError: CustomStringConvertible {
    package var description: String { message }
}

extension StoreError {
    static func damaged(_ table: Table, _ key: UnsafeRawBufferPointer, _ what: String) -> StoreError
    {
        StoreError(
            .damaged(table: table, key: Array(key)),
            "row \(hexadecimal(key)) of table \(table.name) is damaged: \(what)")
    }

    /// A failed system call; `errno` is also LMDB's code when that is negative.
    static func system(_ errno: Int32, _ operation: String) -> StoreError {
        let code: Code =
            if isOutOfSpace(errno) { .full } else if isDamage(errno) { .directoryDamaged } else {
                .system(errno: errno)
            }
        return StoreError(code, "\(operation): \(errorText(errno))")
    }

    static func unknownOutcome(_ errno: Int32, _ operation: String) -> StoreError {
        StoreError(
            .unknownOutcome(errno: errno),
            "\(operation): \(errorText(errno)); what reached the disk is unknown until the next start"
        )
    }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text = ""
    for byte in bytes {
        text.unicodeScalars.append(Unicode.Scalar(digits[Int(byte >> 4)]))
        text.unicodeScalars.append(Unicode.Scalar(digits[Int(byte & 15)]))
    }
    return text
}
