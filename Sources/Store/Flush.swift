import Synchronization

/// A checkpoint on its way to the disk: whoever has time writes it, on any thread.
///
/// The store goes on with the next turns meanwhile, until `endCheckpoint` is told.
package final class Flush: Sendable {
    private let environment: Environment
    private let transaction: Int
    private let observe: @Sendable (StorePoint) -> Void
    /// The error number, once it is known. Who asks meanwhile waits.
    private let outcome = Mutex<Int32?>(nil)

    init(
        _ environment: Environment, transaction: Int,
        observe: @escaping @Sendable (StorePoint) -> Void
    ) {
        self.environment = environment
        self.transaction = transaction
        self.observe = observe
    }

    /// Returns when the checkpoint is on the disk: 0, or the system's error number.
    @discardableResult
    package func write() -> Int32 {
        outcome.withLock { outcome in
            if let outcome { return outcome }
            let error = environment.synchronize(through: transaction)
            if error == 0 { observe(.checkpointCommitted) }
            outcome = error
            return error
        }
    }
}
