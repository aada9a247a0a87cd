import CLMDB
import CMartletDisk
import Glibc

/// The system calls the store makes, as Swift: each retries when interrupted and throws a `StoreError`
/// that names what it was doing.
enum System {
    static func open(_ path: String, _ flags: Int32, _ what: String) throws(StoreError) -> Int32 {
        let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw .system(errno, "\(what) \(path)") }
        return descriptor
    }

    /// For writes of whole blocks that are durable when they have ended: where the file system can do so, past the page
    /// cache. That saves copying, and such writes the kernel carries out while the caller goes on.
    static func openForAppends(_ path: String) throws(StoreError) -> AppendFile {
        let flags = O_RDWR | O_DSYNC | O_CLOEXEC
        let direct = retrying { martlet_open_direct(path, flags) }
        if direct >= 0 {
            if takesBlocks(direct) { return AppendFile(descriptor: direct, isDirect: true) }
            close(direct)
        }
        return AppendFile(descriptor: try open(path, flags, "opening"), isDirect: false)
    }

    /// Disks with larger blocks refuse only when it comes to reading or writing.
    private static func takesBlocks(_ descriptor: Int32) -> Bool {
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: LogFormat.block, alignment: LogFormat.block)
        defer { block.deallocate() }
        return retrying { pread(descriptor, block, LogFormat.block, 0) } >= 0
    }

    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    /// Writes everything at `offset`; returns the error number, 0 for success.
    static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32
    {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = retrying {
                pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            }
            if count < 0 { return errno }
            if count == 0 { return EIO }
            done += count
        }
        return 0
    }

    /// Reads up to the end of the file; returns the bytes read.
    static func read(
        _ descriptor: Int32, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int, _ path: String
    ) throws(StoreError) -> Int {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
            let count = retrying {
                pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            }
            guard count >= 0 else { throw .system(errno, "reading \(path)") }
            if count == 0 { break }
            done += count
        }
        return done
    }

    static func size(_ descriptor: Int32, _ path: String) throws(StoreError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno, "looking at \(path)") }
        return Int(status.st_size)
    }

    static func synchronize(_ descriptor: Int32, _ path: String) throws(StoreError) {
        guard retrying({ fsync(descriptor) }) == 0 else { throw .system(errno, "syncing \(path)") }
    }

    /// What the file holds and how long it is; returns the error number, 0 for success.
    static func synchronizeData(_ descriptor: Int32) -> Int32 {
        retrying { fdatasync(descriptor) } == 0 ? 0 : errno
    }

    /// Tells the disk to begin with these bytes. Whether that went well, `synchronizeData` says.
    static func beginToSynchronize(_ descriptor: Int32, from offset: Int, count: Int) {
        martlet_sync_begin(descriptor, Int64(offset), count)
    }

    static func synchronize(directory path: String) throws(StoreError) {
        let descriptor = try open(path, O_RDONLY | O_DIRECTORY, "opening")
        defer { close(descriptor) }
        try synchronize(descriptor, path)
    }

    static func rename(_ from: String, to: String) throws(StoreError) {
        guard Glibc.rename(from, to) == 0 else { throw .system(errno, "renaming \(from) to \(to)") }
    }

    /// Removes a file; it is no error when there is none.
    static func remove(_ path: String) throws(StoreError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .system(errno, "removing \(path)")
        }
    }

    /// Creates the directory and those above it that are missing.
    static func makeDirectory(_ path: String) throws(StoreError) {
        if mkdir(path, 0o700) == 0 { return }
        var error = errno
        if error == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeDirectory(String(path[..<slash]))
            error = mkdir(path, 0o700) == 0 ? 0 : errno
        }
        guard error == 0 || error == EEXIST else { throw .system(error, "creating \(path)") }
    }

    /// Names in a directory, in no order; nil when there is no such directory.
    static func names(in path: String) throws(StoreError) -> [String]? {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return nil }
            throw .system(errno, "reading directory \(path)")
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Extends a file with space that is really there; false when the device is full.
    static func extend(
        _ descriptor: Int32, from size: Int, to target: Int, _ path: String
    ) throws(StoreError) -> Bool {
        var error: Int32
        repeat {
            error = posix_fallocate(descriptor, off_t(size), off_t(target - size))
        } while error == EINTR
        if isOutOfSpace(error) { return false }
        guard error == 0 else { throw .system(error, "extending \(path)") }
        return true
    }

    /// Takes the file's lock for this open file alone; false when it is taken.
    static func lock(_ descriptor: Int32, _ path: String) throws(StoreError) -> Bool {
        if retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw .system(errno, "locking \(path)") }
        return false
    }

    /// Gives the lock back and closes the file: a child that was just forked may have it open, too, until it runs its
    /// own program.
    static func unlock(_ descriptor: Int32) {
        _ = flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// A small text file, written whole under another name, synced and renamed into place.
    static func writeText(_ text: String, to path: String) throws(StoreError) {
        let new = path + ".new"
        let descriptor = try open(new, O_WRONLY | O_CREAT | O_TRUNC, "creating")
        defer { close(descriptor) }
        let error = Array(text.utf8).withUnsafeBytes { write(descriptor, $0, at: 0) }
        guard error == 0 else { throw .system(error, "writing \(new)") }
        try synchronize(descriptor, new)
        try rename(new, to: path)
    }

    /// The first 4096 bytes of a file as text; nil when there is no such file.
    static func readText(_ path: String) throws(StoreError) -> String? {
        try readStart(of: path, byteCount: 4096).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What a file begins with; nil when there is no such file.
    static func readStart(of path: String, byteCount: Int) throws(StoreError) -> [UInt8]? {
        guard let descriptor = try openExisting(path, O_RDONLY) else { return nil }
        defer { close(descriptor) }
        return try read(descriptor, byteCount: byteCount, at: 0, path)
    }

    /// Fewer bytes where the file ends before.
    static func read(
        _ descriptor: Int32, byteCount: Int, at offset: Int, _ path: String
    ) throws(StoreError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 1)
        defer { buffer.deallocate() }
        return Array(buffer[..<(try read(descriptor, buffer, at: offset, path))])
    }

    /// Nil when there is no such file.
    static func openExisting(_ path: String, _ flags: Int32) throws(StoreError) -> Int32? {
        let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC) }
        if descriptor >= 0 { return descriptor }
        guard errno == ENOENT else { throw .system(errno, "opening \(path)") }
        return nil
    }

    private static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        var result = call()
        while result < 0, errno == EINTR { result = call() }
        return result
    }
}

/// A file that is open for appends.
struct AppendFile {
    let descriptor: Int32
    /// Whether the kernel carries out writes by itself.
    let isDirect: Bool
}

/// The thread a store belongs to.
struct ThreadIdentity {
    private let thread = pthread_self()

    var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }
}

func compareMemory(_ one: UnsafeRawPointer, _ other: UnsafeRawPointer, _ count: Int) -> Int {
    Int(memcmp(one, other, count))
}

func isOutOfSpace(_ errno: Int32) -> Bool { errno == ENOSPC || errno == EDQUOT }

/// Whether LMDB found pages that make no sense.
func isDamage(_ errno: Int32) -> Bool {
    [MDB_INVALID, MDB_CORRUPTED, MDB_PAGE_NOTFOUND].contains(errno)
}

func errorText(_ errno: Int32) -> String { String(cString: mdb_strerror(errno)) }

func processIdentifier() -> Int32 { getpid() }
