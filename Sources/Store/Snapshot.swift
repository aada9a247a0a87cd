import CLMDB

/// The rows as of the last checkpoint, for reading from any thread.
///
/// It pins the pages and blob files it sees: keep it short, a page of a list at a time.
package struct Snapshot: ~Copyable, Rows {
    package let view: RowView
    /// The instant of that checkpoint in milliseconds, as it was passed to `checkpoint`.
    package let asOf: UInt64
    /// The number of the last turn that it holds.
    package let turn: UInt64
    /// The view's.
    private let files: BlobSet

    init(_ environment: Environment) throws(StoreError) {
        let (transaction, files) = try environment.blobs.pinned(
            { () throws(StoreError) in try environment.begin(readOnly: true) }, mdb_txn_abort)
        let view = RowView(transaction, environment, pinned: files)
        do {
            let checkpoint = try CheckpointRow.read(view)
            asOf = checkpoint?.instant ?? 0
            turn = checkpoint?.position.turn ?? 0
        } catch {
            mdb_txn_abort(view.transaction)
            throw error
        }
        self.view = view
        self.files = files
    }

    deinit { mdb_txn_abort(view.transaction) }
}
