/// A blob file that is appended to, open once for each commit that may be on its way, as the log's segments are. It
/// stays open until the last batch for it is written.
final class BlobAppends {
    let file: BlobFile
    private let directory: String
    private let descriptors: [Int32]
    private var begun = 0

    /// - Parameters:
    ///   - directory: of the file, which is new there.
    ///   - descriptors: of the file; closed with this.
    init(_ file: BlobFile, in directory: String, _ descriptors: [Int32]) {
        self.file = file
        self.directory = directory
        self.descriptors = descriptors
    }

    deinit { for descriptor in descriptors { System.close(descriptor) } }

    /// What the next batch is written to, and the directory that is to be synced with the first.
    func next() -> (descriptor: Int32, newIn: String?) {
        defer { begun += 1 }
        return (descriptors[begun % descriptors.count], begun == 0 ? directory : nil)
    }
}
