import Synchronization

/// A checkpoint on its way to the disk: whoever has time writes it, on any thread.
///
/// The store goes on with the next turns meanwhile, until `endCheckpoint` is told.
package final class Flush: Sendable {
    private let environment: Environment
    private let transaction: Int
    private let observe: @Sendable (StorePoint) -> Void
    /// Who asks meanwhile waits.
    private let state: Mutex<State>

    private struct State {
        /// The error number, once it is known.
        var outcome: Int32?
        /// To be removed when the checkpoint is on the disk. Held here alone, unless a snapshot reads them: what
        /// giving up a file's pages takes is not the writer's time.
        var unused: [BlobFile]
    }

    init(
        _ environment: Environment, transaction: Int, unused: [BlobFile],
        observe: @escaping @Sendable (StorePoint) -> Void
    ) {
        self.environment = environment
        self.transaction = transaction
        state = Mutex(State(unused: unused))
        self.observe = observe
    }

    /// Returns when the checkpoint is on the disk: 0, or the system's error number.
    @discardableResult
    package func write() -> Int32 {
        state.withLock { state in
            if let outcome = state.outcome { return outcome }
            let error = environment.synchronize(through: transaction)
            if error == 0 {
                observe(.checkpointCommitted)
                remove(&state.unused)
            }
            state.outcome = error
            return error
        }
    }

    private func remove(_ unused: inout [BlobFile]) {
        for file in unused {
            file.remove()
            observe(.blobFileRemoved)
        }
        unused = []
    }
}
