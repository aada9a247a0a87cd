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

    static func name(_ number: UInt32) -> String { NumberedName.make(number, ".blob") }

    static func number(_ name: String) -> UInt32? { NumberedName.number(name, ".blob") }

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
