import Glibc

/// A file of long rows: see `BlobFiles`.
///
/// Its records are rows as the log would have them, one behind the other; a batch of them begins at a whole block, and
/// what is before it is zero. What was written is never written again, and stays readable as long as the object,
/// also when the file has been removed. No descriptor is held for that.
final class BlobFile: @unchecked Sendable {
    // Owner of what varies: the writer thread. All else is immutable, and so are bytes that a durable turn refers to.
    let number: UInt32
    let path: String
    /// Bytes that may be written and read.
    let size: Int
    private let base: UnsafeMutableRawPointer
    /// Where the records end, those included that are on their way.
    var end = 0
    /// Bytes of records that rows refer to.
    var live = 0
    /// Something in it is damaged and stays where it is.
    var isStubborn = false
    /// Of a removed file. Set by who removes it, when the store has no more to do with it.
    private var removed: Int32 = -1

    /// The file has `size` bytes, more than none.
    init(_ number: UInt32, _ path: String, _ descriptor: Int32, size: Int) throws(StoreError) {
        let base = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let base, base != MAP_FAILED else { throw .system(errno, "mapping \(path)") }
        self.number = number
        self.path = path
        self.size = size
        self.base = base
    }

    deinit {
        munmap(base, size)
        if removed >= 0 { giveUpSpace() }
    }

    /// Step by step: appends to the log wait for each.
    private func giveUpSpace() {
        for end in stride(from: size - BlobFile.stepBytes, to: 0, by: -BlobFile.stepBytes) {
            ftruncate(removed, off_t(end))
        }
        System.close(removed)
    }

    private static let stepBytes = 2 << 20

    var garbage: Int { end - live }

    static func name(_ number: UInt32) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits + ".blob"
    }

    static func number(_ name: String) -> UInt32? {
        guard name.hasSuffix(".blob") else { return nil }
        return UInt32(name.dropLast(5))
    }

    /// Bytes that were written; nil when they are not all there.
    func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, count >= 0, offset + count <= size else { return nil }
        return UnsafeRawBufferPointer(start: base + offset, count: count)
    }

    /// Who reads the file may go on. One that can't be removed is left to the next start.
    func remove() {
        removed = open(path, O_RDWR | O_CLOEXEC)
        unlink(path)
    }

    /// Gives back the space that was reserved and not written.
    func cutToEnd() throws(StoreError) {
        guard end < size, truncate(path, off_t(end)) != 0 else { return }
        throw .system(errno, "shortening \(path)")
    }
}

/// Records on their way to a blob file. Owned by the store, on the writer thread; while it is written nothing is
/// added to it.
final class BlobBatch {
    private(set) var file: BlobFile?
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

    var end: Int { start + count }

    func begin(_ file: BlobFile) {
        self.file = file
        start = LogFormat.blocks(file.end)
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
        file = nil
        count = 0
        guard capacity > BlobBatch.keptCapacity else { return }
        base.deallocate()
        capacity = BlobBatch.initialCapacity
        base = .allocate(byteCount: capacity, alignment: LogFormat.block)
    }
}

/// A batch that is to be on the disk before the turn whose rows refer to it.
struct BlobWrite: @unchecked Sendable {
    // Owner: as of the `Append` that it is part of.
    private let descriptor: Int32
    private let bytes: UnsafeRawBufferPointer
    private let offset: Int
    /// Of a file that was made for this batch, the directory that is to know it.
    private let newIn: String?

    init(_ descriptor: Int32, _ batch: BlobBatch, newIn: String?) {
        self.descriptor = descriptor
        bytes = batch.bytes
        offset = batch.start
        self.newIn = newIn
    }

    /// Returns the error number, 0 for success.
    func write() -> Int32 {
        let error = System.write(descriptor, bytes, at: offset)
        guard error == 0 else { return error }
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

/// A row in a blob file, as it was when it was put there.
struct BlobRecord {
    let table: UInt8
    let key: UnsafeRawBufferPointer
    /// With its check value.
    let value: UnsafeRawBufferPointer
    let reference: BlobReference
    /// Where the record ends, and how long it is.
    let end: Int
    let bytes: Int

    /// The record at a place, or behind the zeros that follow it. Nil at the end, and where there is no record.
    init?(of file: BlobFile, at place: Int) {
        var offset = place
        let written = min(file.end, file.size)
        while let rest = file.bytes(at: offset, count: written - offset), rest.count > 0 {
            guard rest[0] != 0 else {
                offset = LogFormat.blocks(offset + 1)
                continue
            }
            guard let row = Mutation(rest), row.operation == .put else { return nil }
            table = row.table
            let keyEnd = Mutation.headerSize + row.keyCount
            key = UnsafeRawBufferPointer(rebasing: rest[Mutation.headerSize..<keyEnd])
            value = UnsafeRawBufferPointer(rebasing: rest[keyEnd..<row.size])
            reference = BlobReference(
                file: file.number, offset: UInt32(offset + keyEnd), count: UInt32(row.valueCount))
            end = offset + row.size
            bytes = row.size
            return
        }
        return nil
    }
}
