import CMartletDisk
import Glibc

/// A sealed turn on its way to the log: the kernel writes it, or whoever has time, on any thread, once.
///
/// The store goes on with the next turn meanwhile, in another buffer, until `endCommit` tells it how the
/// write went.
package struct Append: @unchecked Sendable {
    // Owner: who was given it by `beginCommit`, until `endCommit`; nothing changes the record meanwhile.
    private let record: UnsafeRawBufferPointer
    private let file: AppendFile
    private let offset: Int
    /// To be written first.
    private let blobs: BlobWrite?
    private let observe: @Sendable (StorePoint) -> Void

    init(
        _ record: UnsafeRawBufferPointer, _ file: AppendFile, at offset: Int, _ blobs: BlobWrite?,
        observe: @escaping @Sendable (StorePoint) -> Void
    ) {
        self.record = record
        self.file = file
        self.offset = offset
        self.blobs = blobs
        self.observe = observe
    }

    /// Begins to write it. When that has ended, `end` is to be told how.
    /// - Returns: false when it is to be written with `write` instead: it has rows for a blob file, or the kernel
    ///   does not write this file by itself.
    func begin(in context: UInt64, _ signal: Int32, number: UInt64) -> Bool {
        guard file.isDirect, blobs == nil else { return false }
        observe(.beforeAppend)
        let error = martlet_write_begin(
            context, file.descriptor, record.baseAddress, record.count, Int64(offset), number,
            signal)
        return error == 0
    }

    /// - Parameter result: how many bytes were written, or a negative error number.
    /// - Returns: 0 when the turn is on the disk, or the error number.
    func end(_ result: Int64) -> Int32 {
        guard result >= 0 || result == Int64(-EINTR) else { return Int32(-result) }
        let written = Int(max(result, 0))
        let rest = UnsafeRawBufferPointer(rebasing: record[written...])
        let error = System.write(file.descriptor, rest, at: offset + written)
        if error == 0 { observe(.appended) }
        return error
    }

    /// Returns when the turn is on the disk: 0, or the system's error number.
    package func write() -> Int32 {
        if let blobs {
            let error = blobs.write()
            guard error == 0 else { return error }
            observe(.blobsWritten)
        }
        observe(.beforeAppend)
        let error = System.write(file.descriptor, record, at: offset)
        if error == 0 { observe(.appended) }
        return error
    }
}
