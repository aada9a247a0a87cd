/// The store's own row: how far LMDB has come. It is written in the same transaction as the rows it
/// speaks of, so that recovery knows exactly which turns of the log are missing and where they begin.
struct CheckpointRow: Equatable {
    /// Raised when this row, or the check value of every row, changes.
    static let version: UInt32 = 1

    /// The version of the tables' rows, the engine's.
    var formatVersion: UInt32
    var log: LogID
    var position: LogPosition
    /// When the checkpoint was made, in milliseconds.
    var instant: UInt64

    private static let key = Key().adding(u8: 1)

    static func read(_ view: RowView) throws(StoreError) -> CheckpointRow? {
        try key.withBytes { key throws(StoreError) in
            guard let stored = try view.find(.store, key) else { return nil }
            var row = try RowReader(verifying: stored, table: .store, key: key)
            return try CheckpointRow(&row)
        }
    }

    private init(_ row: inout RowReader) throws(StoreError) {
        let version = try row.u32()
        guard version <= Self.version else { throw .newer(version, Self.version, "the store") }
        formatVersion = try row.u32()
        log = LogID(high: try row.u64(), low: try row.u64())
        position = LogPosition(
            turn: try row.u64(), checksum: try row.u32(), segment: try row.u64(),
            offset: Int(try row.u64()))
        instant = try row.u64()
    }

    init(formatVersion: UInt32, log: LogID, position: LogPosition, instant: UInt64) {
        self.formatVersion = formatVersion
        self.log = log
        self.position = position
        self.instant = instant
    }

    /// Writes the row, encoded in `stage`, which no turn uses: the row is not part of any. Returns LMDB's
    /// error number.
    func write(_ view: RowView, _ stage: RowStage) -> Int32 {
        defer { stage.buffer.clear() }
        var row = stage.begin(Self.key)
        row.u32(Self.version)
        row.u32(formatVersion)
        row.u64(log.high)
        row.u64(log.low)
        row.u64(position.turn)
        row.u32(position.checksum)
        row.u64(position.segment)
        row.u64(UInt64(position.offset))
        row.u64(instant)
        do {
            try stage.finish(row, .store, Self.key, false, view)
            return 0
        } catch {
            guard case .unknownOutcome(let errno) = error.code else { return -1 }
            return errno
        }
    }
}

extension StoreError {
    static func newer(_ found: UInt32, _ supported: UInt32, _ what: String) -> StoreError {
        StoreError(
            .newerFormat(found: found, supported: supported),
            "\(what) has format \(found), made by a newer Martlet; this one reads \(supported)")
    }
}
