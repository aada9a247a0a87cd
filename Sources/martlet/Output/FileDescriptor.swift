import Foundation

/// Blocking system calls on the standard streams.
enum FileDescriptor {
    static let standardInput: Int32 = 0
    static let standardOutput: Int32 = 1
    static let standardError: Int32 = 2

    /// Writes every byte; returns the error number when that is not possible.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var rest = bytes
        while !rest.isEmpty {
            let written = write(descriptor, rest, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            if written == rest.count { return nil }
            rest.removeFirst(written)
        }
        return nil
    }

    /// Whether a read would return at once, with bytes or because the stream has ended; waits at
    /// most that long for it.
    static func isReadable(_ descriptor: Int32, milliseconds: Int32) throws(CommandFailure) -> Bool
    {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let count = poll(&entry, 1, milliseconds)
        if count < 0, errno != EINTR {
            throw CommandFailure(.failed, "cannot read: \(systemMessage(errno)).")
        }
        return count > 0
    }

    /// Reads what is there, at most `limit` bytes; empty at the end of the stream.
    static func readSome(from descriptor: Int32, limit: Int) throws(CommandFailure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        while true {
            let count = read(descriptor, &buffer, limit)
            if count >= 0 {
                buffer.removeLast(limit - count)
                return buffer
            }
            if errno != EINTR {
                throw CommandFailure(.failed, "cannot read: \(systemMessage(errno)).")
            }
        }
    }
}

/// The system's words for an error number, in lower case as they stand inside our sentences.
func systemMessage(_ errorNumber: Int32) -> String {
    guard let text = strerror(errorNumber) else { return "error \(errorNumber)" }
    let message = String(cString: text)
    return message.prefix(1).lowercased() + message.dropFirst()
}
