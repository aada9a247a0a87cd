import Glibc

/// The directory of one store, locked for one process: `MARTLET` (what it is), `lock`, `data.mdb`
/// (LMDB), `data.mdb-synced`, `log/` and `blobs/`.
final class DataDirectory {
    /// Raised when the directory's lay-out changes; the log and the rows have versions of their own.
    static let format: UInt32 = 1

    let path: String
    private var lock: Int32
    /// nil until the marker says that creation was finished.
    private(set) var log: LogID?

    var dataPath: String { "\(path)/data.mdb" }
    var logPath: String { "\(path)/log" }
    var blobsPath: String { "\(path)/blobs" }
    private var markerPath: String { "\(path)/MARTLET" }

    /// Makes the directory when it is missing and takes its lock.
    init(_ path: String) throws(StoreError) {
        self.path = path
        try System.makeDirectory(path)
        try Self.refuseForeign(path)
        let lockPath = "\(path)/lock"
        let lock = try System.open(lockPath, O_RDWR | O_CREAT, "opening")
        self.lock = lock
        try takeLock(lockPath)
        try Self.refuseForeign(path)
        log = try readMarker()
    }

    deinit { unlock() }

    /// Nothing is made anew in a directory that once was whole.
    func requireData() throws(StoreError) {
        for path in [dataPath, SyncedData.markPath(dataPath)] {
            guard let file = try System.openExisting(path, O_RDONLY) else {
                throw StoreError(.directoryDamaged, "\(path) is missing")
            }
            System.close(file)
        }
    }

    func unlock() {
        if lock >= 0 { System.unlock(lock) }
        lock = -1
    }

    private func takeLock(_ lockPath: String) throws(StoreError) {
        guard try System.lock(lock, lockPath) else {
            let owner = try System.readText(lockPath).flatMap { Int32($0.prefix { $0 != "\n" }) }
            let process = owner.map { "process \($0)" } ?? "another process"
            throw StoreError(.locked(pid: owner), "\(path) is in use by \(process)")
        }
        let text = Array("\(processIdentifier())\n".utf8)
        guard ftruncate(lock, 0) == 0 else { throw .system(errno, "writing \(lockPath)") }
        let error = text.withUnsafeBytes { System.write(lock, $0, at: 0) }
        guard error == 0 else { throw .system(error, "writing \(lockPath)") }
    }

    /// Without a marker only what creation leaves before it may be there, and a file system's own.
    private static func refuseForeign(_ path: String) throws(StoreError) {
        let names = try System.names(in: path) ?? []
        if names.contains("MARTLET") { return }
        let ours: Set<String> = ["lock", "MARTLET.new", "lost+found"]
        guard let foreign = names.first(where: { !ours.contains($0) }) else { return }
        throw StoreError(
            .notADataDirectory,
            "\(path) is not a Martlet data directory: it holds \(foreign) and no MARTLET file")
    }

    // The marker is written twice: while it says "being created", whatever else is here was never
    // acknowledged to anyone and is made anew.

    func beginCreation(_ id: LogID) throws(StoreError) {
        try writeMarker(id, suffix: ", being created")
        for directory in [logPath, blobsPath] {
            for name in try System.names(in: directory) ?? [] {
                try System.remove("\(directory)/\(name)")
            }
        }
        try System.remove(dataPath)
        try System.remove("\(dataPath)-lock")
        try System.remove(SyncedData.markPath(dataPath))
        try System.makeDirectory(logPath)
        try System.makeDirectory(blobsPath)
        try System.synchronize(directory: path)
    }

    func finishCreation(_ id: LogID) throws(StoreError) {
        try System.synchronize(directory: path)
        try System.synchronize(directory: "\(path)/..")
        try writeMarker(id, suffix: "")
        log = id
    }

    private func writeMarker(_ id: LogID, suffix: String) throws(StoreError) {
        let title = "\(Self.title)\(Self.format)\(suffix)"
        try System.writeText("\(title)\nlog \(id.text)\n", to: markerPath)
        try System.synchronize(directory: path)
    }

    private static let title = "martlet data directory, format "

    private func readMarker() throws(StoreError) -> LogID? {
        guard let text = try System.readText(markerPath) else { return nil }
        let lines = text.split(separator: "\n")
        guard let first = lines.first, first.hasPrefix(Self.title) else { throw damagedMarker() }
        let rest = first.dropFirst(Self.title.count)
        guard let format = UInt32(rest.prefix { $0 != "," }) else { throw damagedMarker() }
        guard format <= Self.format else {
            throw StoreError(
                .newerFormat(found: format, supported: Self.format),
                "\(path) has format \(format), made by a newer Martlet; this one reads \(Self.format)"
            )
        }
        if rest.hasSuffix(", being created") { return nil }
        guard rest == "\(Self.format)", lines.count == 2, lines[1].hasPrefix("log "),
            let id = LogID(text: String(lines[1].dropFirst(4)))
        else { throw damagedMarker() }
        return id
    }

    private func damagedMarker() -> StoreError {
        StoreError(
            .directoryDamaged,
            "\(markerPath) is damaged: it should say '\(Self.title)\(Self.format)' and the log's id"
        )
    }
}
