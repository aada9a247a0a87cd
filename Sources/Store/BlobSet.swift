/// The blob files that there are at some moment: they can be read as long as it is held.
final class BlobSet: Sendable {
    private let files: [UInt32: BlobFile]

    init(_ files: [UInt32: BlobFile]) { self.files = files }

    /// Nil when the file is not there, or too short.
    func bytes(_ reference: BlobReference) -> UnsafeRawBufferPointer? {
        files[reference.file]?.bytes(at: Int(reference.offset), count: Int(reference.count))
    }
}
