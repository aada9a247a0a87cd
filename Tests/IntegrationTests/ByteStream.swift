import Foundation
import Glibc

/// What a process writes, gathered by a thread.
///
/// `@unchecked Sendable`: `gathered` and `isEnded` belong to whoever holds `condition`.
final class ByteStream: @unchecked Sendable {
    private let condition = NSCondition()
    private var gathered: [UInt8] = []
    private var isEnded = false

    /// Reads until the other end is closed; `descriptor` is then closed, too.
    func start(_ descriptor: Int32) {
        Thread.detachNewThread { [self] in
            while let bytes = Self.read(descriptor) {
                condition.withLock {
                    gathered += bytes
                    condition.broadcast()
                }
            }
            close(descriptor)
            condition.withLock {
                isEnded = true
                condition.broadcast()
            }
        }
    }

    /// The next bytes; nil at the end.
    private static func read(_ descriptor: Int32) -> ArraySlice<UInt8>? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var count = 0
        repeat {
            count = Glibc.read(descriptor, &bytes, bytes.count)
        } while count < 0 && errno == EINTR
        return count > 0 ? bytes.prefix(count) : nil
    }

    func bytes() -> [UInt8] { condition.withLock { gathered } }

    /// Blocks until the writer has closed its end.
    func waitForEnd() {
        condition.withLock {
            while !isEnded { condition.wait() }
        }
    }

    /// Blocks until a whole line has `text` in it, and returns that line.
    func line(containing text: String, patience: TimeInterval = 30) throws -> String {
        let deadline = Date(timeIntervalSinceNow: patience)
        return try condition.withLock {
            while true {
                let all = String(decoding: gathered, as: UTF8.self)
                let whole = all.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                if let line = whole.first(where: { $0.contains(text) }) { return String(line) }
                guard !isEnded, condition.wait(until: deadline) else {
                    throw TestFailure("no line with \"\(text)\" came, only: \(all)")
                }
            }
        }
    }
}
