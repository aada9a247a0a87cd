import Glibc

/// Records on their way to a blob file. Owned by the store, on the writer thread; while it is written nothing is
/// added to it.
final class BlobBatch {
    private(set) var appends: BlobAppends?
    private(set) var start = 0
    private(set) var count = 0
    private var base: UnsafeMutableRawPointer
    private var capacity: Int

    private static let initialCapacity = 64 << 10
    /// A buffer that one large commit made larger than this is given back after it.
    private static let keptCapacity = 8 << 20

    init() {
        capacity = BlobBatch.initialCapacity
        base = .allocate(byteCount: capacity, alignment: LogFormat.block)
    }

    deinit { base.deallocate() }

    var file: BlobFile? { appends?.file }
    var end: Int { start + count }

    func begin(_ appends: BlobAppends) {
        self.appends = appends
        start = LogFormat.blocks(appends.file.end)
    }

    func append(_ record: UnsafeRawBufferPointer) {
        if capacity - count < record.count { grow(record.count) }
        UnsafeMutableRawBufferPointer(start: base + count, count: record.count)
            .copyMemory(from: record)
        count += record.count
    }

    private func grow(_ room: Int) {
        while capacity - count < room { capacity *= 2 }
        let moved = UnsafeMutableRawPointer.allocate(
            byteCount: capacity, alignment: LogFormat.block)
        moved.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = moved
    }

    /// Bytes of its file that are here; nil when they are not.
    func bytes(of file: BlobFile, at offset: Int, count: Int) -> UnsafeRawBufferPointer? {
        guard self.file === file, offset >= start, offset + count <= end else { return nil }
        return UnsafeRawBufferPointer(start: base + (offset - start), count: count)
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    func clear() {
        appends = nil
        count = 0
        guard capacity > BlobBatch.keptCapacity else { return }
        base.deallocate()
        capacity = BlobBatch.initialCapacity
        base = .allocate(byteCount: capacity, alignment: LogFormat.block)
    }
}

/// A batch that is to be on the disk before the turn whose rows refer to it.
struct BlobWrite: @unchecked Sendable {
    // Owner: as of the `Append` that it is part of, until when the batch is not let go.
    private let descriptor: Int32
    private let bytes: UnsafeRawBufferPointer
    private let offset: Int
    /// Of a file that was made for this batch, the directory that is to know it.
    private let newIn: String?

    /// The disk begins with each while the next is copied.
    private static let pieceBytes = 512 << 10

    init(_ batch: BlobBatch) {
        guard let appends = batch.appends else { preconditionFailure("a batch of no file") }
        (descriptor, newIn) = appends.next()
        bytes = batch.bytes
        offset = batch.start
    }

    /// Returns the error number, 0 for success.
    func write() -> Int32 {
        for start in stride(from: 0, to: bytes.count, by: BlobWrite.pieceBytes) {
            let piece = UnsafeRawBufferPointer(
                rebasing: bytes[start..<min(start + BlobWrite.pieceBytes, bytes.count)])
            let error = System.write(descriptor, piece, at: offset + start)
            guard error == 0 else { return error }
            System.beginToSynchronize(descriptor, from: offset + start, count: piece.count)
        }
        if let newIn {
            do throws(StoreError) {
                try System.synchronize(directory: newIn)
            } catch {
                guard case .system(let errno) = error.code else { return EIO }
                return errno
            }
        }
        return System.synchronizeData(descriptor)
    }
}
