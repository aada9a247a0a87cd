import Glibc

/// The short log in front of LMDB: one synchronous append makes a turn durable.
///
/// Segments are written ahead and used again. At least one segment is always there; the newest is never
/// recycled. Owned by the store, on the writer thread.
final class RedoLog {
    let id: LogID
    let files: LogFiles
    private let spareSegments: Int
    private let observe: @Sendable (StorePoint) -> Void

    /// The segment that is written to, open once for each append that may be on its way: of two that use the same open
    /// file, the system may tell one of the other's failure, and not that one.
    private var current: [AppendFile] = []
    /// Where the next record goes, and what it is chained to.
    private(set) var position: LogPosition
    /// Older segments in their order, whose turns a checkpoint makes unnecessary.
    private var older: [UInt64] = []
    private var spares: [String] = []
    private var sparesEver = 0

    init(
        _ files: LogFiles, _ id: LogID, at position: LogPosition, spareSegments: Int,
        observe: @escaping @Sendable (StorePoint) -> Void
    ) {
        self.files = files
        self.id = id
        self.position = position
        self.spareSegments = spareSegments
        self.observe = observe
    }

    deinit { close() }

    func close() {
        for file in current { System.close(file.descriptor) }
        current = []
    }

    private static func open(_ path: String) throws(StoreError) -> [AppendFile] {
        var files: [AppendFile] = []
        for _ in 0..<Store.commitsMax { files.append(try System.openForAppends(path)) }
        return files
    }

    /// Takes over the directory after recovery, which found where the log ends.
    /// - Parameter overtaking: where records behind the end are to be wiped out: they have numbers of turns to come.
    func open(at end: LogPosition, forgetting overtaking: [Int]) throws(StoreError) {
        position = end
        let found = try files.list()
        older = found.segments.filter { $0 < position.segment }
        for name in found.spares { try adopt(name) }
        let path = files.path(LogFiles.name(position.segment))
        current = try RedoLog.open(path)
        for offset in overtaking { try wipe(offset) }
        if try System.size(current[0].descriptor, path) != files.segmentBytes { closeSegment() }
    }

    private func wipe(_ offset: Int) throws(StoreError) {
        let block = AlignedBlock()
        let error = System.write(current[0].descriptor, block.bytes, at: offset)
        guard error == 0 else {
            throw .system(error, "wiping out a record of log segment \(position.segment)")
        }
        observe(.recordWiped)
    }

    private func adopt(_ spare: String) throws(StoreError) {
        guard let number = Int(spare.dropFirst("spare-".count)), try isWhole(spare) else {
            return try System.remove(files.path(spare))
        }
        sparesEver = max(sparesEver, number)
        spares.append(spare)
    }

    private func isWhole(_ name: String) throws(StoreError) -> Bool {
        let descriptor = try System.open(files.path(name), O_RDONLY, "opening")
        defer { System.close(descriptor) }
        return try System.size(descriptor, name) == files.segmentBytes
    }

    /// Where the sealed record goes; nil when there is no room for it: the record is larger than a segment or
    /// no spare segment could be reserved.
    /// - Parameter blobs: what is to be on the disk before it.
    func place(
        _ record: UnsafeRawBufferPointer, checksum: UInt32, after blobs: BlobWrite?
    ) throws(StoreError) -> Append? {
        if record.count > files.segmentBytes - position.offset {
            guard record.count <= files.segmentBytes - LogFormat.firstRecord, !spares.isEmpty else {
                return nil
            }
            try changeSegment()
        }
        defer { position.advance(record.count, checksum) }
        let file = current[Int(position.turn % UInt64(current.count))]
        return Append(record, file, at: position.offset, blobs, observe: observe)
    }

    /// Whether a record of so many bytes goes into the same segment as the last.
    func hasRoom(for bytes: Int) -> Bool {
        LogFormat.blocks(bytes) <= files.segmentBytes - position.offset
    }

    /// The turn became durable in LMDB instead: the log goes on in another segment.
    func skipTurn(checksum: UInt32) {
        position.advance(0, checksum)
        closeSegment()
    }

    private func closeSegment() { position.offset = files.segmentBytes }

    /// Goes on in a spare segment: its header is durable before it gets its number as a name.
    private func changeSegment() throws(StoreError) {
        let number = position.segment + 1
        do {
            let spare = files.path(spares.removeLast())
            let next = try RedoLog.open(spare)
            observe(.beforeSegmentHeader)
            try writeHeader(number, next[0].descriptor)
            observe(.segmentHeaderWritten)
            try System.rename(spare, to: files.path(LogFiles.name(number)))
            try System.synchronize(directory: files.directory)
            close()
            current = next
        } catch {
            throw error.asUnknownOutcome
        }
        older.append(position.segment)
        position.segment = number
        position.offset = LogFormat.firstRecord
        observe(.segmentChanged)
    }

    private func writeHeader(_ number: UInt64, _ descriptor: Int32) throws(StoreError) {
        let block = AlignedBlock()
        let header = SegmentHeader(
            number: number, firstTurn: position.turn + 1, previous: position.checksum)
        header.encode(into: block.base, id)
        let error = System.write(descriptor, block.bytes, at: 0)
        guard error == 0 else {
            throw .system(error, "writing the header of log segment \(number)")
        }
    }

    /// Whether this is the last segment until a checkpoint gives older ones back.
    var isInLastSegment: Bool { spares.isEmpty && !older.isEmpty }

    /// After a checkpoint: the segments before the one in which it found the log become spares, or go.
    func recycle(before first: UInt64) throws(StoreError) {
        let unnecessary = older.prefix { $0 < first }
        guard !unnecessary.isEmpty else { return }
        for segment in unnecessary {
            let path = files.path(LogFiles.name(segment))
            if spares.count < spareSegments {
                let spare = nextSpareName()
                try System.rename(path, to: files.path(spare))
                try adopt(spare)
            } else {
                try System.remove(path)
            }
            observe(.segmentRecycled)
        }
        older.removeFirst(unnecessary.count)
        try System.synchronize(directory: files.directory)
    }

    /// Writes spare segments ahead until there are enough. Returns false when the device is full.
    func reserve() throws(StoreError) -> Bool {
        while spares.count + older.count < spareSegments {
            let spare = nextSpareName()
            guard try files.writeSpare(spare) else { return false }
            spares.append(spare)
            observe(.spareWritten)
        }
        return true
    }

    private func nextSpareName() -> String {
        sparesEver += 1
        return "spare-\(sparesEver)"
    }

    /// Creates the first segment of a new log.
    func create() throws(StoreError) {
        guard try files.writeSpare("spare-0") else {
            throw StoreError(.full, "no space for a log segment of \(files.segmentBytes) bytes")
        }
        spares = ["spare-0"]
        try changeSegment()
        older = []
    }
}

/// A block of zeros in memory.
private struct AlignedBlock: ~Copyable {
    let base = UnsafeMutableRawPointer.allocate(
        byteCount: LogFormat.block, alignment: LogFormat.block)

    init() { base.initializeMemory(as: UInt8.self, repeating: 0, count: LogFormat.block) }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base, count: LogFormat.block)
    }
}

/// Where the log goes on: the end of what is durable or on its way.
struct LogPosition: Equatable {
    /// The last turn, 0 before the first.
    var turn: UInt64
    /// Checksum of that turn's record.
    var checksum: UInt32
    var segment: UInt64
    var offset: Int

    mutating func advance(_ bytes: Int, _ checksum: UInt32) {
        turn += 1
        self.checksum = checksum
        offset += bytes
    }
}

extension StoreError {
    /// The same failure where it leaves in doubt what is on the disk.
    var asUnknownOutcome: StoreError {
        switch code {
        case .unknownOutcome: self
        case .system(let errno): StoreError(.unknownOutcome(errno: errno), message)
        default: StoreError(.unknownOutcome(errno: 0), message)
        }
    }
}
