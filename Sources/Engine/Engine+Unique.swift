import Store

/// A job that holds a unique key, as stored under the key's hash.
///
/// u8 codec  u32 raw  u32 checksum: of the payload; then the key
struct UniqueRow {
    var job: UInt64
    var codec: UInt8
    var rawBytes: UInt32
    var checksum: UInt32
    var key: UnsafeRawBufferPointer

    init(job: UInt64, from reader: inout RowReader) throws(StoreError) {
        self.job = job
        codec = try reader.u8()
        rawBytes = try reader.u32()
        checksum = try reader.u32()
        key = reader.rest()
    }

    init(job: UInt64, _ payload: StoredPayload, key: UnsafeRawBufferPointer) {
        self.job = job
        codec = payload.codec
        rawBytes = payload.rawBytes
        checksum = payload.checksum
        self.key = key
    }

    func write(to writer: inout RowWriter) {
        writer.u8(codec)
        writer.u32(rawBytes)
        writer.u32(checksum)
        writer.bytes(key)
    }

    func has(_ payload: StoredPayload) -> Bool {
        (codec, rawBytes, checksum) == (payload.codec, payload.rawBytes, payload.checksum)
    }
}

extension Key {
    static func unique(
        _ queue: UInt32, _ key: UnsafeRawBufferPointer, job: UInt64
    ) -> Key {
        Key().adding(u32: queue).adding(u64: hashed(key)).adding(u64: job)
    }
}

/// A key is held by at most one job of a queue. It is a row of its own for exactly as long as the
/// job's row says that it is held.
extension Engine {
    enum UniqueConflict {
        case answered(SubmissionOutcome)
        /// The holder waits and may be cancelled.
        case replaceable(UInt64)

        var answer: SubmissionOutcome? {
            if case .answered(let answer) = self { answer } else { nil }
        }
    }

    /// What the holder of a key means for a submission; nil when nobody holds the key.
    func conflict(
        of unique: UniqueKey, _ payload: StoredPayload, _ queue: Int, _ rows: borrowing Transaction
    ) throws -> UniqueConflict? {
        var from: UInt64 = 0
        while let holder = try holder(
            of: unique.bytes, queue: queues[queue].id, from: from, payload, rows)
        {
            from = holder.job + 1
            guard let row = try load(holder.job, rows) else {
                // Its record was damaged, and nothing else removes what it held.
                let key = Key.unique(queues[queue].id, unique.bytes, job: holder.job)
                _ = try rows.delete(Tables.unique, key)
                continue
            }
            if row.holdsKey(at: stamp.now) { return try conflict(of: unique, holder, row, rows) }
        }
        return nil
    }

    private func conflict(
        of unique: UniqueKey, _ holder: (job: UInt64, isSame: Bool), _ row: JobRow,
        _ rows: borrowing Transaction
    ) throws -> UniqueConflict {
        if unique.needsSamePayload, !holder.isSame { return .answered(.mismatch(holder.job)) }
        switch unique.policy {
        case .existing: return .answered(.existing(holder.job))
        case .reject: return .answered(.taken(holder.job))
        case .replace:
            let state = try state(of: holder.job, row, rows)
            let isWaiting = state < .running
            return isWaiting ? .replaceable(holder.job) : .answered(.existing(holder.job))
        }
    }

    /// The first job from an id on that holds a key, and whether it has that payload.
    private func holder(
        of key: UnsafeRawBufferPointer, queue: UInt32, from first: UInt64,
        _ payload: StoredPayload, _ rows: borrowing Transaction
    ) throws -> (job: UInt64, isSame: Bool)? {
        var found: (job: UInt64, isSame: Bool)?
        let from = Key.unique(queue, key, job: first)
        let to = Key.unique(queue, key, job: .max)
        try rows.scan(Tables.unique, from: from, to: to) { rowKey, reader in
            _ = try (rowKey.u32(), rowKey.u64())
            let row = try UniqueRow(job: try rowKey.u64(), from: &reader)
            guard row.key.elementsEqual(key) else { return .next }
            found = (row.job, row.has(payload))
            return .stop
        }
        return found
    }

    /// Cancels a waiting job whose key a later one takes.
    func replace(_ holder: UInt64, _ rows: borrowing Transaction) throws {
        guard var row = try load(holder, rows) else { return }
        let state = try state(of: holder, row, rows)
        let queue = try index(ofQueue: row.queue)
        try leave(holder, row, state, queue, rows)
        let reason: StaticString = "replaced by a later submission with the same unique key"
        // One held for a period would keep it otherwise.
        if !isPlanted(.replacedHolderKeepsKey) { try release(holder, &row, rows) }
        row.noteCancel(reason: reason.bytes, at: stamp.now)
        try finish(holder, &row, as: .cancelled, queue, rows)
    }

    /// A job takes its key.
    func hold(
        _ unique: StoredOptions.Unique, _ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction
    ) throws {
        let held = UniqueRow(job: id, row.payload, key: unique.key)
        try rows.put(Tables.unique, .unique(row.queue, unique.key, job: id)) {
            held.write(to: &$0)
        }
        if unique.scope == .period {
            try Timer(due: unique.until, kind: .unique, id).set(rows)
        }
    }

    /// A job gives its key up, if it holds one; its row must then be written.
    func release(_ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction) throws {
        guard let unique = row.unique, unique.isHeld else { return }
        row.options?.unique?.isHeld = false
        _ = try rows.delete(Tables.unique, .unique(row.queue, unique.key, job: id))
        if unique.scope == .period {
            try Timer(due: unique.until, kind: .unique, id).unset(rows)
        }
    }

    /// The time for which a job held its key is over.
    func keyBecomesFree(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        guard var row = try load(timer.first, rows) else { return }
        try release(timer.first, &row, rows)
        try save(row, timer.first, rows)
    }
}

extension JobRow {
    /// A key whose time is over is free, even if its timer has not come yet.
    fileprivate func holdsKey(at now: UInt64) -> Bool {
        guard let unique = unique, unique.isHeld else { return false }
        return unique.scope != .period || unique.until > now
    }
}
