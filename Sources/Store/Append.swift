/// A sealed turn on its way to the log: whoever has time writes it, on any thread, once.
///
/// The store goes on with the next turn meanwhile, in another buffer, until `endCommit` tells it how the
/// write went.
package struct Append: @unchecked Sendable {
    // Owner: who was given it by `beginCommit`, until `endCommit`; nothing changes the record meanwhile.
    private let record: UnsafeRawBufferPointer
    private let descriptor: Int32
    private let offset: Int
    /// To be written first.
    private let blobs: BlobWrite?
    private let observe: @Sendable (StorePoint) -> Void

    init(
        _ record: UnsafeRawBufferPointer, _ descriptor: Int32, at offset: Int, _ blobs: BlobWrite?,
        observe: @escaping @Sendable (StorePoint) -> Void
    ) {
        self.record = record
        self.descriptor = descriptor
        self.offset = offset
        self.blobs = blobs
        self.observe = observe
    }

    /// Returns when the turn is on the disk: 0, or the system's error number.
    package func write() -> Int32 {
        if let blobs {
            let error = blobs.write()
            guard error == 0 else { return error }
            observe(.blobsWritten)
        }
        observe(.beforeAppend)
        let error = System.write(descriptor, record, at: offset)
        if error == 0 { observe(.appended) }
        return error
    }
}
