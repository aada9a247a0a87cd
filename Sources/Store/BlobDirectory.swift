import Glibc

/// `blobs/`: the blob files by number, and `spare`, a file's worth of space with which rows are written anew when the
/// device has no other.
struct BlobDirectory {
    let path: String
    private let fileBytes: Int
    private var lastNumber: UInt32 = 0
    private var hasSpare = false
    /// Whether there is none: it is made with the first file.
    private(set) var isMissing = false

    init(_ path: String, fileBytes: Int) {
        self.path = path
        self.fileBytes = fileBytes
    }

    /// Opens what is there; what has other names is somebody else's.
    mutating func open() throws(StoreError) -> [BlobFile] {
        guard let names = try System.names(in: path) else {
            isMissing = true
            return []
        }
        var files: [BlobFile] = []
        for name in names where BlobFile.number(name) != nil || name == "spare" {
            let path = "\(path)/\(name)"
            let descriptor = try System.open(path, O_RDWR, "opening")
            defer { System.close(descriptor) }
            let size = try System.size(descriptor, path)
            if let number = BlobFile.number(name), size > 0 {
                lastNumber = max(lastNumber, number)
                files.append(try BlobFile(number, path, descriptor, size: size))
            } else if path == sparePath, size == fileBytes {
                hasSpare = true
            } else {
                try System.remove(path)
            }
        }
        return files
    }

    /// No file gets this number or one below it.
    mutating func skip(to number: UInt32) { lastNumber = max(lastNumber, number) }

    /// Makes the next file, and a spare before it if there is none. Whatever keeps it from being made, there is none,
    /// and nothing is left behind.
    /// - Parameter takingSpare: whether it may be the spare when there is no space for another.
    mutating func makeFile(takingSpare: Bool) -> BlobAppends? {
        let number = lastNumber + 1
        let path = "\(path)/\(BlobFile.name(number))"
        guard reserveSpare() else { return nil }
        if !reserve(path) {
            guard takingSpare, rename(sparePath, path) == 0 else { return nil }
            hasSpare = false
        }
        lastNumber = number
        return opened(number, path)
    }

    /// - Returns: whether there is one.
    mutating func reserveSpare() -> Bool {
        if !hasSpare, makeDirectory() { hasSpare = reserve(sparePath) }
        return hasSpare
    }

    private mutating func makeDirectory() -> Bool {
        guard isMissing else { return true }
        do throws(StoreError) {
            try System.makeDirectory(path)
            try System.synchronize(directory: "\(path)/..")
            isMissing = false
            return true
        } catch {
            return false
        }
    }

    private var sparePath: String { "\(path)/spare" }

    private func reserve(_ path: String) -> Bool {
        do throws(StoreError) {
            let descriptor = try System.open(path, O_RDWR | O_CREAT | O_TRUNC, "creating")
            defer { System.close(descriptor) }
            if try System.extend(descriptor, from: 0, to: fileBytes, path) { return true }
        } catch {}
        unlink(path)
        return false
    }

    private func opened(_ number: UInt32, _ path: String) -> BlobAppends? {
        var descriptors: [Int32] = []
        do throws(StoreError) {
            for _ in 0..<Store.commitsMax {
                descriptors.append(try System.open(path, O_RDWR, "opening"))
            }
            let file = try BlobFile(number, path, descriptors[0], size: fileBytes)
            return BlobAppends(file, in: self.path, descriptors)
        } catch {
            for descriptor in descriptors { System.close(descriptor) }
            unlink(path)
            return nil
        }
    }
}
