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
/// no row refers to it. When most of all files is garbage, the rows of the worst are written anew, elsewhere:
/// `Transaction.compact`. How many bytes of each file are referred to is in the store's own table, as of the
/// checkpoint; recovery counts on.
///
/// Also known as key-value separation (WiscKey, RocksDB's blob files).
final class BlobFiles: @unchecked Sendable {
    // Owner: the writer thread; `known` is read on any.
    private var directory: BlobDirectory
    private let limits: Store.Blobs
    private var files: [UInt32: BlobFile] = [:]
    /// The same for snapshots.
    private let known = Mutex(BlobSet([:]))
    /// The file that is appended to.
    private var current: BlobAppends?
    private var filling = BlobBatch()
    /// Batches on their way to the disk, in the order of their commits.
    private var writing: [BlobBatch] = []
    private var idle: [BlobBatch] = []
    /// Bytes of long rows in this commit that stay in their tables.
    private var bytesInTables = 0
    /// False when there was no room for a file; looked at again after each checkpoint.
    private var hasRoom = true
    /// As they are in the store's table; nothing is said of those that are to be written anew.
    private var accounts: [UInt32: BlobAccount] = [:]
    /// Of files that are not there. They may come back.
    private var missing: [UInt32: BlobAccount] = [:]
    /// The file that is being emptied, and how far.
    private var victim: (file: BlobFile, place: Int)?
    private var isDeviceFull = false

    /// Opens what is there. `readAccounts` and recovery say what of it is needed; `begin` removes the rest.
    init(_ path: String, _ limits: Store.Blobs) throws(StoreError) {
        directory = BlobDirectory(path, fileBytes: limits.fileBytes)
        self.limits = limits
        for file in try directory.open() { files[file.number] = file }
        publish()
    }

    deinit { close() }

    private func publish() {
        let set = BlobSet(files)
        known.withLock { $0 = set }
    }

    // MARK: Reading

    /// The value that a reference leads to; nil when it is not all there. Valid until something is written.
    func bytes(_ reference: BlobReference) -> UnsafeRawBufferPointer? {
        guard let file = files[reference.file] else { return nil }
        let (offset, count) = (Int(reference.offset), Int(reference.count))
        if let bytes = filling.bytes(of: file, at: offset, count: count) { return bytes }
        for batch in writing {
            if let bytes = batch.bytes(of: file, at: offset, count: count) { return bytes }
        }
        return file.bytes(at: offset, count: count)
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
        guard row.valueCount >= limits.rowBytesMin else { return nil }
        if filling.count == 0 {
            bytesInTables += row.valueCount
            guard bytesInTables > limits.commitBytesMin else { return nil }
        }
        return append(record, row)
    }

    private func append(_ record: UnsafeRawBufferPointer, _ row: Mutation) -> BlobReference? {
        if filling.count == 0 {
            guard record.count <= limits.fileBytes, let appends = fileWithRoom(for: record.count)
            else { return nil }
            filling.begin(appends)
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
    /// - Parameter takingSpare: whether it may be made of the spare.
    private func fileWithRoom(for bytes: Int, takingSpare: Bool = false) -> BlobAppends? {
        if let file = current?.file {
            let left = file.size - LogFormat.blocks(file.end)
            if left < max(bytes, file.size / 16) { current = nil }
        }
        guard current == nil, hasRoom || takingSpare else { return current }
        guard let appends = directory.makeFile(takingSpare: takingSpare) else {
            hasRoom = false
            return nil
        }
        files[appends.file.number] = appends.file
        current = appends
        publish()
        return appends
    }

    /// A row does not refer to it any more.
    func release(_ reference: BlobReference, keyCount: Int) {
        let bytes = reference.recordBytes(keyCount: keyCount)
        files[reference.file]?.live -= bytes
        missing[reference.file]?.live -= bytes
    }

    /// Bytes of this commit.
    var bytesFilled: Int { filling.count }

    /// What is to be written before the log gets the commit; nil: nothing.
    func beginWrite() -> BlobWrite? {
        bytesInTables = 0
        guard filling.count > 0 else { return nil }
        precondition(filling.file === current?.file, "a batch of the file that is appended to")
        let write = BlobWrite(filling)
        writing.append(filling)
        filling = idle.popLast() ?? BlobBatch()
        return write
    }

    /// The batch that was begun first of those on their way is on the disk, or nothing is any more.
    func endWrite() {
        let batch = writing.removeFirst()
        batch.clear()
        idle.append(batch)
    }

    // MARK: Accounts

    /// Reads how far LMDB has come: what is in the files as of the checkpoint.
    func readAccounts(_ view: RowView) throws(StoreError) {
        let (found, areRight) = try BlobAccount.all(view)
        for account in found {
            accounts[account.file] = areRight ? account : BlobAccount(file: account.file)
            directory.skip(to: account.file)
            if let file = files[account.file] {
                file.end = account.end
                file.live = account.live
            } else if account.live > 0 {
                missing[account.file] = account
            }
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
        missing = [:]
        for account in counted {
            if let file = files[account.file] {
                file.live = account.live
                file.end = max(file.end, account.end)
            } else {
                missing[account.file] = account
            }
        }
    }

    /// Counts on behind the checkpoint: a row that recovery puts.
    func restore(_ reference: BlobReference, keyCount: Int) {
        if let file = files[reference.file] {
            file.end = max(file.end, Int(reference.offset) + Int(reference.count))
            file.live += reference.recordBytes(keyCount: keyCount)
        } else {
            directory.skip(to: reference.file)
            missing[reference.file, default: BlobAccount(file: reference.file)]
                .add(reference, keyCount: keyCount)
        }
    }

    /// Everything is recovered, and nothing done yet that could not be repeated.
    func checkRecovered() throws(StoreError) {
        guard !directory.isMissing || missing.isEmpty else {
            throw StoreError(
                .directoryDamaged,
                "\(directory.path) is missing, and jobs have their payloads in \(missing.count) files of it"
            )
        }
    }

    /// What nothing refers to is removed, and space that was reserved given back, for appending begins in a new file.
    func begin(_ view: RowView) throws(StoreError) {
        // A file without an account is what a crash left, or the account is lost.
        if files.values.contains(where: { isUnused($0) && accounts[$0.number] == nil }) {
            correct(try BlobAccount.counted(view))
        }
        for file in takeUnused() { file.remove() }
        for file in files.values { try file.cutToEnd() }
    }

    /// Writes, as part of a checkpoint, what it finds in the files.
    func writeAccounts(_ view: RowView, _ stage: RowStage) throws(StoreError) {
        missing = missing.filter { $0.value.live > 0 }
        var found = missing
        for file in files.values where !isUnused(file) {
            found[file.number] = BlobAccount(file: file.number, end: file.end, live: file.live)
        }
        for account in found.values where accounts[account.file] != account {
            try account.write(view, stage)
        }
        for file in accounts.keys where found[file] == nil {
            try BlobAccount.remove(file, view, stage)
        }
        accounts = found
    }

    private func isUnused(_ file: BlobFile) -> Bool { file.live == 0 && file !== current?.file }

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

    /// Sees to it that rows can be written anew, if there are any that may have to be.
    func reserveSpare() -> Bool { files.isEmpty || directory.reserveSpare() }

    /// A checkpoint is on the disk.
    /// - Parameter isDeviceFull: whether less garbage is reason enough to write rows anew.
    func checkpointed(isDeviceFull: Bool) {
        hasRoom = true
        self.isDeviceFull = isDeviceFull
        chooseVictim()
    }

    func close() {
        current = nil
        while !writing.isEmpty { endWrite() }
        files.removeAll()
        victim = nil
        publish()
    }

    // MARK: Garbage

    /// Whether rows are to be written anew, so that a file of garbage can be removed.
    var isCompacting: Bool { victim != nil }

    /// When more is garbage than not, and more than a few files of it, the file with most is emptied; on a full device
    /// any that is garbage for a good part.
    private func chooseVictim() {
        guard victim == nil else { return }
        var (garbage, live) = (0, 0)
        var worst: BlobFile?
        for file in files.values {
            live += file.live
            guard file !== current?.file, !writing.contains(where: { $0.file === file }),
                file.live > 0, !file.isStubborn
            else { continue }
            garbage += file.garbage
            if worst.map({ file.live * $0.end < $0.live * file.end }) ?? true { worst = file }
        }
        guard let worst else { return }
        let isWorthIt =
            isDeviceFull ? worst.garbage > worst.end / 4 : garbage > max(limits.garbageMin, live)
        if isWorthIt { victim = (worst, 0) }
    }

    /// The next record of the file that is being emptied; nil when there is none, or no room to write rows anew.
    func nextOfVictim() -> BlobRecord? {
        guard let (file, place) = victim else { return nil }
        guard filling.count > 0 || fileWithRoom(for: 0, takingSpare: true) != nil else {
            victim = nil
            return nil
        }
        if let record = BlobRecord(of: file, at: place) {
            victim?.place = record.end
            return record
        }
        file.isStubborn = file.live > 0
        victim = nil
        chooseVictim()
        return nil
    }

    /// Whether a record of the file that is being emptied fits the batch; else it is the next one of that file again.
    func hasRoom(forMoved record: BlobRecord) -> Bool {
        guard filling.count > 0, let file = filling.file else { return true }
        if filling.end + record.bytes <= file.size { return true }
        victim?.place = record.end - record.bytes
        return false
    }

    /// Takes the value of a row that was written anew.
    func takeMoved(_ record: UnsafeRawBufferPointer, _ row: Mutation) -> BlobReference? {
        append(record, row)
    }
}
