import CLMDB

/// Rows in LMDB, made durable turn by turn through a short redo log. A checkpoint moves the turns from there to LMDB's
/// file, which another thread may bring to the disk. Long rows of large commits are beside LMDB: see `BlobFiles`; rows
/// that mostly go soon come there with the checkpoint only: see `RecentRows`.
///
/// All of it belongs to the thread that opened it, the writer, except `snapshot`, which any thread may
/// call. A store that is released without `close` leaves its directory as a crash would; release it on
/// the writer's thread, too.
///
/// After an `unknownOutcome` every call fails with the same error: exit and let the next start recover.
package final class Store: @unchecked Sendable {
    // Owner: the writer thread, asserted in every verb. `snapshot` touches `environment` alone, which says what of
    // it is for any thread.

    package let configuration: Configuration
    /// What opening found.
    package private(set) var recovery = Recovery()
    /// False while space for the next turns can't be reserved: refuse submissions, go on settling, which
    /// the reserve allows. Looked at again at each checkpoint and by `reserve`.
    package private(set) var acceptsSubmissions = true
    /// The last durable turn; 0 before the first.
    package var lastTurn: UInt64 { log.position.turn - UInt64(appending.count) }
    /// When a checkpoint is to be begun; nil when no turn waits for one, or while one is not yet on the disk.
    package var checkpointDeadline: UInt64? {
        guard flush == nil, let oldestWaiting else { return nil }
        return oldestWaiting + configuration.checkpointMilliseconds
    }
    /// When the oldest turn was committed that snapshots don't see; nil when they see every turn.
    package private(set) var oldestWaiting: UInt64?

    private let directory: DataDirectory
    private let environment: Environment
    private let log: RedoLog
    private let stage: RowStage
    private let checkpointStage = RowStage()
    private let thread = ThreadIdentity()
    /// LMDB's write transaction, open from the first turn after a checkpoint to the next checkpoint.
    private var transaction: OpaquePointer?
    private var inTurn = false
    private var failure: StoreError?
    /// The checkpoint that is not yet on the disk, and the first log segment that is necessary after it.
    private var flush: (Flush, segment: UInt64)?
    /// Turns that are being written to the log, in their order, and whether they have rows for a blob file.
    private var appending: [(record: RecordBuffer, hasBlobs: Bool)] = []
    /// Bytes and mutations logged since the last checkpoint.
    private var waiting = (bytes: 0, mutations: 0)

    init(
        _ configuration: Configuration, _ directory: DataDirectory, _ environment: Environment,
        _ log: RedoLog
    ) {
        self.configuration = configuration
        self.directory = directory
        self.environment = environment
        self.log = log
        stage = RowStage(
            environment.blobs, brief: configuration.tables.first(where: \.isBrief),
            recentBytes: configuration.recentBytes)
    }

    deinit { if let transaction { mdb_txn_abort(transaction) } }

    /// Creates the store or opens it, and recovers what a crash left in the log. The calling thread
    /// becomes the writer.
    package static func open(_ configuration: Configuration) throws(StoreError) -> Store {
        configuration.check()
        let directory = try DataDirectory(configuration.directory)
        if directory.log == nil {
            try create(configuration, directory)
        } else {
            try directory.requireData()
        }
        let environment = try Environment(configuration, directory)
        let checkpoint = try checkpointRow(configuration, directory, environment)
        try environment.putFloorRows()
        let log = RedoLog(configuration, directory, checkpoint)
        let store = Store(configuration, directory, environment, log)
        try store.recover(from: checkpoint)
        store.reserve()
        return store
    }

    /// Reads and writes rows. Nothing is durable before `commit`; several turns may share one.
    ///
    /// What the body changed before it threw remains part of the turn: check first, then change.
    package func turn<R>(_ body: (borrowing Transaction) throws -> R) throws -> R {
        try checkUsable()
        precondition(!inTurn, "a turn inside a turn")
        inTurn = true
        defer { inTurn = false }
        return try body(Transaction(stage, try view()))
    }

    /// Makes durable what was changed since the last commit: the one place that does. Returns the last
    /// durable turn's number. Without changes it writes nothing. `now` is in milliseconds.
    ///
    /// A turn for which the log has no room is made durable by a checkpoint instead.
    @discardableResult
    package func commit(now: UInt64) throws(StoreError) -> UInt64 {
        try checkUsable()
        precondition(appending.isEmpty, "a commit beside others")
        if let append = try beginCommit(now: now) { try endCommit(append.write()) }
        return lastTurn
    }

    /// Begins to make durable what was changed since the last commit; it is when what this returns was written
    /// and `endCommit` was told so, as were the commits before it. Turns may be taken meanwhile, another commit begun
    /// when `mayBeginCommit` says so, and no checkpoint.
    /// - Returns: nil when nothing is left to be written.
    package func beginCommit(now: UInt64) throws(StoreError) -> Append? {
        try checkUsable()
        precondition(mayBeginCommit, "a commit that has to wait for those before it")
        let record = stage.buffer
        guard !record.isEmpty else { return nil }
        let position = log.position
        let checksum = record.seal(
            turn: position.turn + 1, previous: position.checksum, overtakes: appending.count, log.id
        )
        let blobs = environment.blobs.beginWrite()
        let append = try failing { () throws(StoreError) in
            try log.place(record.blocks, checksum: checksum, after: blobs)
        }
        waiting.bytes += record.count
        waiting.mutations += Int(record.mutations)
        guard let append else {
            if let blobs { try writeNow(blobs) }
            record.clear()
            log.skipTurn(checksum: checksum)
            try checkpoint(now: now)
            return nil
        }
        if oldestWaiting == nil { oldestWaiting = now }
        appending.append((record, blobs != nil))
        stage.changeBuffer()
        return append
    }

    /// Commits that may be on their way at a time. The disk works on the second while it finishes the first; on a slow
    /// one a turn does not have to await the end of the append that was begun before it came.
    package static let commitsMax = 2

    /// Whether a commit may be begun now. Beside another only one that follows it in its log segment. One without
    /// changes would be over before those it builds on.
    package var mayBeginCommit: Bool {
        guard !appending.isEmpty else { return true }
        let record = stage.buffer
        return appending.count < Store.commitsMax && !record.isEmpty
            && log.hasRoom(for: record.count)
    }

    private func writeNow(_ blobs: BlobWrite) throws(StoreError) {
        let error = blobs.write()
        try failing { () throws(StoreError) in
            guard error == 0 else { throw .unknownOutcome(error, "writing a blob file") }
        }
        environment.blobs.endWrite()
    }

    /// Ends the commit that was begun first of those on their way.
    /// - Parameter error: what writing it returned.
    package func endCommit(_ error: Int32) throws(StoreError) {
        try checkUsable()
        precondition(!appending.isEmpty, "no commit was begun")
        try failing { () throws(StoreError) in
            guard error == 0 else { throw .unknownOutcome(error, "appending to the log") }
        }
        let (record, hasBlobs) = appending.removeFirst()
        if hasBlobs { environment.blobs.endWrite() }
        stage.takeBack(record)
    }

    /// Bytes of changes since the last commit, those for blob files included: keep a turn well below `segmentBytes`.
    package var turnBytes: Int { stage.byteCount }
    /// Rows changed since then.
    package var turnRows: Int { Int(stage.buffer.mutations) }

    /// Whether blob files have so much garbage that rows are to be written anew: see `Transaction.compact`.
    package var isCompacting: Bool { environment.blobs.isCompacting }

    /// Whether a checkpoint should be begun now: the oldest turn waited long enough, dirty pages could become many, or
    /// the log needs its older segments: many small turns fill it, each of them a block, with few rows.
    package func checkpointDue(now: UInt64) -> Bool {
        guard let deadline = checkpointDeadline else { return false }
        return now >= deadline || hasMuchToWrite || log.isInLastSegment
    }

    /// Whether the checkpoint that is on its way to the disk should be awaited before more turns are taken, which wait
    /// for the next: it would be long, or the log full.
    package var awaitsFlush: Bool {
        flush != nil && (hasMuchToWrite || waiting.bytes >= configuration.segmentBytes / 2)
    }

    /// Moves the logged turns to LMDB's file and gives their segments back. A checkpoint that is on its way to the disk
    /// is awaited.
    package func checkpoint(now: UInt64) throws(StoreError) {
        if let (flush, _) = flush { try endCheckpoint(flush) }
        if let flush = try beginCheckpoint(now: now) { try endCheckpoint(flush) }
    }

    /// Begins to move the logged turns to LMDB's file; they are there, whatever happens, when what this returns was
    /// written and `endCheckpoint` was called. Turns may be taken and committed meanwhile.
    /// - Returns: nil when no turn waits.
    package func beginCheckpoint(now: UInt64) throws(StoreError) -> Flush? {
        try checkUsable()
        precondition(
            !inTurn && stage.buffer.isEmpty && appending.isEmpty && flush == nil,
            "commit before the checkpoint, and end the one before it")
        guard transaction != nil else { return nil }
        let begun = try failing { () throws(StoreError) in try writeRows(now: now) }
        flush = (begun, log.position.segment)
        return begun
    }

    /// Ends the checkpoint that was begun last, and waits for it when it is not written. A second call does nothing.
    package func endCheckpoint(_ written: Flush) throws(StoreError) {
        try checkUsable()
        guard let (begun, segment) = flush, begun === written else { return }
        try failing { () throws(StoreError) in
            let error = written.write()
            guard error == 0 else { throw .unknownOutcome(error, "syncing a checkpoint") }
            try log.recycle(before: segment)
        }
        flush = nil
        reserve()
        environment.blobs.checkpointed(isDeviceFull: !acceptsSubmissions)
    }

    /// Tries to reserve space ahead again; `acceptsSubmissions` says how it went.
    package func reserve() {
        guard failure == nil else { return }
        // Whatever keeps space from being reserved, submissions wait until it can be.
        let segments = (try? log.reserve()) ?? false
        let spare = environment.blobs.reserveSpare()
        let pages = (try? environment.reserve(configuration.reserveBytes)) ?? false
        acceptsSubmissions = segments && spare && pages
        stage.packed?.isSparing = !acceptsSubmissions
    }

    /// Reads the rows as of the last checkpoint, on any thread.
    package func snapshot<R>(_ body: (borrowing Snapshot) throws -> R) throws -> R {
        try body(Snapshot(environment))
    }

    /// What is wrong with the blob files' accounts and with packs, a sentence each. Looks at every pack,
    /// and at every reference to blob files.
    package func storageProblems() throws(StoreError) -> [String] {
        try checkUsable()
        let view = try view()
        return environment.blobs.problems(try BlobAccount.counted(view))
            + (try view.packProblems()).map(\.sentence)
    }

    /// Counts the references to blob files anew, and writes packs anew of which something is damaged.
    package func repairStorage() throws(StoreError) {
        try checkUsable()
        let view = try view()
        environment.blobs.correct(try BlobAccount.counted(view))
        guard let packed = stage.packed else { return }
        for problem in try view.packProblems() {
            let error =
                switch problem {
                case .index(let number), .removed(let number): packed.renew(number, view)
                case .pack(let key): packed.clear(key, view)
                }
            try failing { () throws(StoreError) in
                guard error == 0 || error == MDB_NOTFOUND else {
                    throw .unknownOutcome(error, "packing rows anew")
                }
            }
        }
    }

    /// Makes a last checkpoint, so that the next start has nothing to recover, and gives the directory
    /// free. No snapshot may be open then, nor be taken later; every other call fails.
    package func close(now: UInt64) throws(StoreError) {
        try checkpoint(now: now)
        environment.close()
        log.close()
        directory.unlock()
        failure = StoreError(.closed, "\(configuration.directory) is closed")
    }

    // MARK: Inside

    /// In the reserve, checkpoints are so small that all the pages their mutations can touch fit into a
    /// small part of it: LMDB uses a freed page again two checkpoints later.
    private var checkpointMutations: Int {
        let limit = configuration.checkpointMutations
        return acceptsSubmissions
            ? limit : min(limit, configuration.reserveBytes / (8 * LogFormat.block))
    }

    private var hasMuchToWrite: Bool {
        let spared = stage.recent?.spared ?? RecentRows.Spared()
        return waiting.bytes - spared.bytes >= configuration.checkpointBytes
            || waiting.mutations - spared.mutations >= checkpointMutations || hasTouchedManyPages
    }

    private var hasTouchedManyPages: Bool {
        let touched = stage.touched
        guard touched.count >= configuration.checkpointPages, let transaction else { return false }
        var pages = 0
        for (table, count) in touched.countsByTable.enumerated() where count > 0 {
            pages += min(count, environment.leafPages(of: UInt8(table), transaction))
        }
        return pages >= configuration.checkpointPages
    }

    private func checkUsable() throws(StoreError) {
        precondition(thread.isCurrent, "the store belongs to the thread that opened it")
        if let failure = failure ?? stage.failure { throw failure }
    }

    /// Remembers an unknown outcome for all later calls.
    private func failing<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        do {
            return try body()
        } catch {
            failure = error.asUnknownOutcome
            throw error.asUnknownOutcome
        }
    }

    private func view() throws(StoreError) -> RowView {
        let isNew = transaction == nil
        if isNew { transaction = try environment.begin(readOnly: false) }
        guard let transaction else { preconditionFailure("it was begun") }
        let view = RowView(
            transaction, environment, reading: stage.reading, recent: stage.recent,
            packed: stage.packed)
        if isNew { stage.packed?.begin(view) }
        return view
    }

    /// LMDB's commit: the rows, and how far they have come, together.
    private func writeRows(now: UInt64) throws(StoreError) -> Flush {
        configuration.observe?(.beforeCheckpoint)
        let view = try view()
        let row = CheckpointRow(
            formatVersion: configuration.formatVersion, log: log.id, position: log.position,
            instant: now)
        try environment.blobs.writeAccounts(view, checkpointStage)
        var error = stage.packed?.storeRemoved(view) ?? 0
        if error == 0 { error = stage.recent?.store(view) ?? 0 }
        if error == 0 { error = row.write(view, checkpointStage) }
        transaction = nil
        if error == 0 {
            error = mdb_txn_commit(view.transaction)
        } else {
            mdb_txn_abort(view.transaction)
        }
        guard error == 0 else { throw .unknownOutcome(error, "writing a checkpoint") }
        waiting = (0, 0)
        stage.touched.clear()
        oldestWaiting = nil
        let observe = configuration.observe
        observe?(.checkpointWritten)
        return environment.flush(environment.blobs.takeUnused()) { observe?($0) }
    }

    private func commitRows(now: UInt64) throws(StoreError) {
        let error = try writeRows(now: now).write()
        guard error == 0 else { throw .unknownOutcome(error, "syncing a checkpoint") }
    }
}

// MARK: Opening

extension Store {
    private static func create(
        _ configuration: Configuration, _ directory: DataDirectory
    ) throws(StoreError) {
        let id = LogID.random()
        try directory.beginCreation(id)
        configuration.observe?(.markerWritten)
        let beginning = LogPosition(turn: 0, checksum: 0, segment: 0, offset: 0)
        let row = CheckpointRow(
            formatVersion: configuration.formatVersion, log: id, position: beginning, instant: 0)
        let log = RedoLog(configuration, directory, row)
        try log.create()
        let environment = try Environment(configuration, directory)
        let store = Store(configuration, directory, environment, log)
        try store.commitRows(now: 0)
        configuration.observe?(.dataCreated)
        try directory.finishCreation(id)
        configuration.observe?(.created)
    }

    private static func checkpointRow(
        _ configuration: Configuration, _ directory: DataDirectory, _ environment: Environment
    ) throws(StoreError) -> CheckpointRow {
        let transaction = try environment.begin(readOnly: true)
        defer { mdb_txn_abort(transaction) }
        guard let row = try CheckpointRow.read(RowView(transaction, environment)) else {
            throw StoreError(
                .directoryDamaged,
                "\(directory.dataPath) holds no checkpoint: it is not this store's")
        }
        guard row.log == directory.log else {
            throw StoreError(
                .directoryDamaged,
                "\(directory.dataPath) belongs to log \(row.log.text), not to this directory's")
        }
        let supported = configuration.formatVersion
        guard row.formatVersion <= supported else {
            throw .newer(row.formatVersion, supported, directory.path)
        }
        guard row.formatVersion == supported else {
            throw StoreError(
                .olderFormat(found: row.formatVersion, supported: supported),
                "\(directory.path) has format \(row.formatVersion); this Martlet reads \(supported)"
            )
        }
        return row
    }

    /// Applies the turns that are in the log and not in LMDB, and makes a checkpoint of them.
    private func recover(from checkpoint: CheckpointRow) throws(StoreError) {
        try readBlobAccounts()
        let reader = LogReader(log.files, log.id)
        let recovered = try reader.replay(from: checkpoint.position) {
            mutations throws(StoreError) in
            try apply(mutations)
        }
        recovery = recovered.recovery
        try log.open(at: recovered.end, forgetting: recovered.overtaking)
        // Also without turns: the segment that the checkpoint names is about to be recycled.
        try environment.blobs.checkRecovered()
        if recovered.end != checkpoint.position { try commitRows(now: checkpoint.instant) }
        try log.recycle(before: log.position.segment)
        try environment.blobs.begin(try view())
    }

    private func readBlobAccounts() throws(StoreError) {
        let transaction = try environment.begin(readOnly: true)
        defer { mdb_txn_abort(transaction) }
        try environment.blobs.readAccounts(RowView(transaction, environment))
    }

    private func apply(_ record: UnsafeRawBufferPointer) throws(StoreError) {
        let view = try view()
        var rest = record
        while rest.count > 0 {
            guard let mutation = Mutation(rest), environment.hasTable(mutation.table) else {
                throw StoreError(
                    .logDamaged(segment: log.position.segment, offset: 0, turn: 0),
                    "a turn in the log changes a table that this Martlet does not know")
            }
            let error = view.apply(
                mutation, UnsafeRawBufferPointer(rebasing: rest[..<mutation.size]))
            guard error == 0 else { throw .system(error, "replaying the log") }
            rest = UnsafeRawBufferPointer(rebasing: rest[mutation.size...])
        }
    }
}
