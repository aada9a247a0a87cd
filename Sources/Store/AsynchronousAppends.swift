import CMartletDisk

/// Appends that the kernel carries out while the thread that began them goes on. All of it belongs to one thread.
package final class AsynchronousAppends {
    /// An eventfd that can be read when an append has ended.
    package let signal: Int32

    private let context: UInt64
    private var isClosed = false
    private var underWay: [(number: UInt64, append: Append)] = []

    /// Nil where the system does not grant it.
    package init?() {
        var (context, signal): (UInt64, Int32) = (0, -1)
        guard martlet_writes_open(UInt32(Store.commitsMax), &context, &signal) == 0 else {
            return nil
        }
        self.context = context
        self.signal = signal
    }

    deinit { close() }

    /// Waits for those that are under way: before their turns are let go. None is begun any more.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        martlet_writes_close(context, signal)
    }

    /// Begins to write an append, which is named by a number.
    /// - Returns: false when it is to be written with `write` instead: it has rows for a blob file, or the kernel
    ///   does not write this file by itself.
    package func begin(_ append: Append, number: UInt64) -> Bool {
        guard !isClosed, append.begin(in: context, signal, number: number) else { return false }
        underWay.append((number, append))
        return true
    }

    /// Those that have ended since the last call: 0, or the system's error number. Where the kernel does not say, all
    /// that are under way, with the reason.
    package func takeEnded() -> [(number: UInt64, error: Int32)] {
        guard !isClosed else { return [] }
        let capacity = Store.commitsMax
        return withUnsafeTemporaryAllocation(of: martlet_write_ended.self, capacity: capacity) {
            let count = martlet_writes_ended(context, $0.baseAddress, Int32(capacity))
            guard count >= 0 else { return underWay.map { ($0.number, -count) } }
            return $0[..<Int(count)].map { ($0.number, end($0)) }
        }
    }

    private func end(_ write: martlet_write_ended) -> Int32 {
        guard let index = underWay.firstIndex(where: { $0.number == write.number }) else {
            preconditionFailure("a write that nobody began has ended")
        }
        return underWay.remove(at: index).append.end(write.result)
    }
}
