import Glibc
import Synchronization

/// Long rows beside LMDB, in files that are appended to: `blobs/00000001.blob` …
///
/// A row that passes through log and LMDB is written twice, and a long one costs a page each time. Where a commit has
/// many bytes of them they go to a blob file instead, once, and the table gets a `BlobReference`. The file is
/// synced before the log gets the turn: whatever recovery finds referred to is there. A lone long row goes the
/// usual way, for one sync is faster than two.
///
/// Each file is appended to until it is full or the store is closed, and removed after the first checkpoint in which
/// no row refers to it. Rows that keep a file alive when most of it is garbage are written anew, elsewhere:
/// `Transaction.compact`. How many bytes of each file are referred to is in the store's own table, as of the
/// checkpoint; recovery counts on.
///
/// Also known as key-value separation (WiscKey, RocksDB's blob files).
final class BlobFiles: @unchecked Sendable {
    // Owner: the writer thread; `known` is read on any.
    private let directory: String
    private let limits: Store.Blobs
    private var files: [UInt32: BlobFile] = [:]
    /// The same for snapshots.
    private let known = Mutex(BlobSet([:]))
    /// The file that is appended to.
    private var current: BlobFile?
    private var isCurrentSynced = false
    private var lastNumber: UInt32 = 0
    private var filling = BlobBatch()
    private var writing: BlobBatch?
    private var idle: BlobBatch?
    /// Bytes of long rows in this commit that stay in their tables.
    private var bytesInTables = 0
    /// False when the device was full; looked at again after each checkpoint.
    private var hasRoom = true
    /// As they are in the store's table.
    private var accounts: [UInt32: BlobAccount] = [:]
    /// The file that is being emptied, and how far.
    private var victim: (file: BlobFile, place: Int)?

    /// Opens what is there. `readAccounts` and recovery say what of it is needed; `begin` removes the rest.
    init(_ directory: String, _ limits: Store.Blobs) throws(StoreError) {
        self.directory = directory
        self.limits = limits
        for name in try names() {
            guard let number = BlobFile.number(name) else { continue }
            lastNumber = max(lastNumber, number)
            let path = "\(directory)/\(name)"
            let descriptor = try System.open(path, O_RDWR, "opening")
            let size = try System.size(descriptor, path)
            if size > 0 {
                files[number] = try BlobFile(number, path, descriptor, size: size)
            } else {
                System.close(descriptor)
                try System.remove(path)
            }
        }
        publish()
    }

    private func names() throws(StoreError) -> [String] {
        if let names = try System.names(in: directory) { return names }
        try System.makeDirectory(directory)
        try System.synchronize(directory: "\(directory)/..")
        return []
    }

    private func publish() {
        let set = BlobSet(files)
        known.withLock { $0 = set }
    }

    // MARK: Reading

    /// The value that a reference leads to; nil when it is not all there. Valid until something is written.
    func bytes(_ reference: BlobReference) -> UnsafeRawBufferPointer? {
        guard let file = files[reference.file] else { return nil }
        let (offset, count) = (Int(reference.offset), Int(reference.count))
        return filling.bytes(of: file, at: offset, count: count)
            ?? writing?.bytes(of: file, at: offset, count: count)
            ?? file.bytes(at: offset, count: count)
    }

    /// Begins to read, with every file that rows of that moment refer to.
    func pinned(
        _ begin: () throws(StoreError) -> OpaquePointer, _ end: (OpaquePointer) -> Void
    ) throws(StoreError) -> (transaction: OpaquePointer, files: BlobSet) {
        while true {
            let set = known.withLock { $0 }
            let transaction = try begin()
            if known.withLock({ $0 === set }) { return (transaction, set) }
            end(transaction)
        }
    }

    // MARK: Writing

    /// Takes the value of a row that was just written.
    /// - Parameter record: the row as the log would have it.
    /// - Returns: nil when it is to stay in its table.
    func take(_ record: UnsafeRawBufferPointer, _ row: Mutation) -> BlobReference? {
        guard row.valueCount >= limits.rowBytesMin, record.count <= limits.fileBytes else {
            return nil
        }
        if filling.count == 0 {
            bytesInTables += row.valueCount
            guard bytesInTables > limits.commitBytesMin else { return nil }
        }
        return append(record, row)
    }

    private func append(_ record: UnsafeRawBufferPointer, _ row: Mutation) -> BlobReference? {
        if filling.count == 0 {
            guard let file = fileWithRoom(for: record.count) else { return nil }
            filling.begin(file)
        }
        guard let file = filling.file, filling.end + record.count <= file.size else { return nil }
        let offset = filling.end + record.count - row.valueCount
        filling.append(record)
        file.end = filling.end
        file.live += record.count
        return BlobReference(
            file: file.number, offset: UInt32(offset), count: UInt32(row.valueCount))
    }

    /// The file for a batch: another one when little of it is left.
    private func fileWithRoom(for bytes: Int) -> BlobFile? {
        if let file = current {
            let left = file.size - LogFormat.blocks(file.end)
            if left < max(bytes, file.size / 16) { current = nil }
        }
        if current == nil, hasRoom { makeFile() }
        return current
    }

    /// Whatever keeps a file from being made, long rows stay in their tables until it can be.
    private func makeFile() {
        do throws(StoreError) {
            let number = lastNumber + 1
            let path = "\(directory)/\(BlobFile.name(number))"
            let descriptor = try System.open(path, O_RDWR | O_CREAT | O_EXCL, "creating")
            lastNumber = number
            guard try System.extend(descriptor, from: 0, to: limits.fileBytes, path) else {
                System.close(descriptor)
                hasRoom = false
                return try System.remove(path)
            }
            let file = try BlobFile(number, path, descriptor, size: limits.fileBytes)
            files[number] = file
            current = file
            isCurrentSynced = false
            publish()
        } catch {
            hasRoom = false
        }
    }

    /// A row does not refer to it any more.
    func release(_ reference: BlobReference, keyCount: Int) {
        files[reference.file]?.live -= reference.recordBytes(keyCount: keyCount)
    }

    /// Bytes of this commit.
    var bytesFilled: Int { filling.count }

    /// What is to be written before the log gets the commit; nil: nothing.
    func beginWrite() -> BlobWrite? {
        bytesInTables = 0
        guard let file = filling.file else { return nil }
        let write = BlobWrite(file, filling, newIn: isCurrentSynced ? nil : directory)
        isCurrentSynced = true
        writing = filling
        filling = idle ?? BlobBatch()
        idle = nil
        return write
    }

    func endWrite() {
        writing?.clear()
        if writing != nil { idle = writing }
        writing = nil
    }

    // MARK: Accounts

    /// Reads how far LMDB has come: what is in the files as of the checkpoint.
    func readAccounts(_ view: RowView) throws(StoreError) {
        for account in try BlobAccount.all(view) {
            accounts[account.file] = account
            lastNumber = max(lastNumber, account.file)
            guard let file = files[account.file] else { continue }
            file.end = min(account.end, file.size)
            file.live = account.live
        }
    }

    /// Files of which more or less is referred to than was counted on, as sentences.
    func problems(_ counted: [BlobAccount]) -> [String] {
        let live = Dictionary(uniqueKeysWithValues: counted.map { ($0.file, $0.live) })
        let numbers = Set(live.keys).union(files.keys).sorted()
        return numbers.compactMap { number in
            let (counted, known) = (live[number] ?? 0, files[number]?.live)
            guard let known else {
                return "blob file \(number) is missing: \(counted) bytes of rows"
            }
            guard counted != known else { return nil }
            return "of blob file \(number) \(counted) bytes are referred to, and \(known) counted"
        }
    }

    /// Goes by what is referred to, whatever was counted.
    func correct(_ counted: [BlobAccount]) {
        for file in files.values { file.live = 0 }
        for account in counted { files[account.file]?.live = account.live }
    }

    /// Counts on behind the checkpoint: a row that recovery puts.
    func restore(_ reference: BlobReference, keyCount: Int) {
        guard let file = files[reference.file] else { return }
        let end = Int(reference.offset) + Int(reference.count)
        file.end = max(file.end, min(end, file.size))
        file.live += reference.recordBytes(keyCount: keyCount)
    }

    /// Everything is recovered: what nothing refers to is removed, and space that was reserved given back, for
    /// appending begins in a new file.
    func begin() throws(StoreError) {
        for file in takeUnused() { try System.remove(file.path) }
        for file in files.values { try file.cutToEnd() }
    }

    /// Writes, as part of a checkpoint, what it finds in the files.
    func writeAccounts(_ view: RowView, _ stage: RowStage) throws(StoreError) {
        for file in files.values where !isUnused(file) {
            let account = BlobAccount(file: file.number, end: file.end, live: file.live)
            guard accounts[file.number] != account else { continue }
            try account.write(view, stage)
            accounts[file.number] = account
        }
        for file in accounts.keys where files[file].map({ isUnused($0) }) ?? true {
            try BlobAccount.remove(file, view, stage)
            accounts[file] = nil
        }
    }

    private func isUnused(_ file: BlobFile) -> Bool { file.live == 0 && file !== current }

    /// After a checkpoint: the files that no row of it refers to, which are to be removed when it is on the disk.
    func takeUnused() -> [BlobFile] {
        let unused = files.values.filter { isUnused($0) }
        guard !unused.isEmpty else { return [] }
        for file in unused {
            files[file.number] = nil
            if victim?.file === file { victim = nil }
        }
        publish()
        return unused
    }

    /// A checkpoint is on the disk.
    func checkpointed() {
        hasRoom = true
        chooseVictim()
    }

    func close() {
        files.removeAll()
        (current, victim) = (nil, nil)
        publish()
    }

    // MARK: Garbage

    /// Whether rows are to be written anew, so that a file of garbage can be removed.
    var isCompacting: Bool { victim != nil }

    /// When more is garbage than not, and more than a few files of it, the file with most is emptied.
    private func chooseVictim() {
        guard victim == nil else { return }
        var (garbage, live) = (0, 0)
        var worst: BlobFile?
        for file in files.values {
            live += file.live
            guard file !== current, file.live > 0, !file.isStubborn else { continue }
            garbage += file.garbage
            if worst.map({ file.live * $0.end < $0.live * file.end }) ?? true { worst = file }
        }
        guard garbage > max(limits.garbageMin, live) else { return }
        victim = worst.map { ($0, 0) }
    }

    /// The next record of the file that is being emptied; nil when there is none, or no room to write rows anew.
    func nextOfVictim() -> BlobRecord? {
        guard let (file, place) = victim else { return nil }
        guard filling.count > 0 || fileWithRoom(for: 0) != nil else {
            victim = nil
            return nil
        }
        guard let record = BlobRecord(of: file, at: place) else {
            file.isStubborn = file.live > 0
            victim = nil
            return nil
        }
        victim?.place = record.end
        return record
    }

    /// Takes the value of a row that was written anew.
    func takeMoved(_ record: UnsafeRawBufferPointer, _ row: Mutation) -> BlobReference? {
        append(record, row)
    }
}

/// The blob files that there are at some moment: they can be read as long as it is held.
final class BlobSet: Sendable {
    private let files: [UInt32: BlobFile]

    init(_ files: [UInt32: BlobFile]) { self.files = files }

    /// Nil when the file is not there, or too short.
    func bytes(_ reference: BlobReference) -> UnsafeRawBufferPointer? {
        files[reference.file]?.writtenBytes(
            at: Int(reference.offset), count: Int(reference.count))
    }
}
