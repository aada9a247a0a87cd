import Store

/// Payloads and results that are too long for a leaf page are stored in pieces of one page each: LMDB then
/// finds every page again that they leave, whatever the lengths of those that come. What fills no page is in the
/// job's row, where it costs no row of its own, or half a leaf page of it in a piece and the others there.
extension Engine {
    /// - Parameter bytes: all, or what begins at a whole piece; what belongs into the row is passed over.
    func putPieces(
        _ bytes: UnsafeRawBufferPointer, from first: UInt32 = 0, of id: UInt64, _ part: PayloadPart,
        _ rows: borrowing Transaction
    ) throws {
        let total = EngineLimits.bytesInPieces(of: bytes.count)
        var index = first
        var start = 0
        while start < total {
            let end = min(start + EngineLimits.pieceBytes, total)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            try rows.put(Tables.pieces, .piece(id, part, index), ascending: part == .payload) {
                $0.bytes(piece)
            }
            start = end
            index += 1
        }
    }

    /// Removes the pieces of a job's payload, if it has any; the payload needs its dictionary no more.
    func deletePayload(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        if row.payload.codec == StoredPayload.dictionaryCodec, row.payloadPlace != .dropped {
            unrefer(row.payload)
        }
        guard row.payloadPlace == .pieces else { return }
        try deletePieces(row.payloadBytes, of: row.stagedPayload ?? id, .payload, rows)
        if let staged = row.stagedPayload { try forgetOwner(ofStaged: staged, rows) }
    }

    func deletePieces(
        _ byteCount: UInt32, of id: UInt64, _ part: PayloadPart, _ rows: borrowing Transaction
    ) throws {
        try rows.clear(
            Tables.pieces, from: .piece(id, part, 0),
            to: .piece(id, part, pieces(beside: byteCount)))
    }
}

extension EngineLimits {
    /// Bytes of a long payload or result that are in pieces; the others are in the job's row.
    static func bytesInPieces(of byteCount: Int) -> Int {
        let rest = byteCount % pieceBytes
        return byteCount - rest + restInPieces(of: rest)
    }

    private static func restInPieces(of rest: Int) -> Int {
        if rest <= inlineBytesMax { return 0 }
        return rest <= halfPieceBytes + inlineBytesMax ? min(rest, halfPieceBytes) : rest
    }
}

/// Rows that so many bytes take.
func pieces(holding byteCount: UInt32) -> UInt32 {
    (byteCount + UInt32(EngineLimits.pieceBytes) - 1) / UInt32(EngineLimits.pieceBytes)
}

/// Rows that a long payload or result takes beside its job's.
func pieces(beside byteCount: UInt32) -> UInt32 {
    pieces(holding: UInt32(EngineLimits.bytesInPieces(of: Int(byteCount))))
}

/// Visits the pieces of a long payload or result in order, each of them checked. Their bytes are valid as
/// long as nothing is written.
func visitPieces<Source: Rows & ~Copyable>(
    of id: UInt64, _ part: PayloadPart, _ byteCount: UInt32, _ rows: borrowing Source,
    _ body: (UnsafeRawBufferPointer) throws -> Void
) throws {
    let count = pieces(beside: byteCount)
    var index: UInt32 = 0
    var left = EngineLimits.bytesInPieces(of: Int(byteCount))
    func take(_ reader: inout RowReader) throws {
        let piece = reader.rest()
        guard piece.count == min(EngineLimits.pieceBytes, left) else {
            let what = "piece \(index) of job \(id) has \(piece.count) bytes"
            throw nonsense(Tables.pieces, .piece(id, part, index), what)
        }
        try body(piece)
        index += 1
        left -= piece.count
    }
    if count == 1 {
        try rows.get(Tables.pieces, .piece(id, part, 0), take)
    } else {
        try rows.scan(
            Tables.pieces, from: .piece(id, part, 0), to: .piece(id, part, count)
        ) { key, reader in
            guard try key.index() == index else { return .stop }
            try take(&reader)
            return index < count ? .next : .stop
        }
    }
    guard left == 0 else {
        let what = "piece \(index) of job \(id) is missing"
        throw nonsense(Tables.pieces, .piece(id, part, index), what)
    }
}

extension KeyReader {
    /// That of a piece of a known job and part.
    fileprivate mutating func index() throws(StoreError) -> UInt32 {
        _ = try u64()
        _ = try u8()
        return try u32()
    }
}

/// Where the pieces of one payload lie: it is handed over from there. Owned by the engine; holds those of one
/// payload at a time.
final class PieceList {
    private var memory = UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.allocate(capacity: 16)

    deinit { memory.deallocate() }

    /// The pieces, checked; they and the list are valid as long as nothing is written and no other is asked
    /// for.
    func find(
        of id: UInt64, _ byteCount: UInt32, _ rows: borrowing Transaction
    ) throws -> UnsafeBufferPointer<UnsafeRawBufferPointer> {
        makeRoom(Int(pieces(beside: byteCount)))
        var count = 0
        try visitPieces(of: id, .payload, byteCount, rows) { piece in
            memory.initializeElement(at: count, to: piece)
            count += 1
        }
        return UnsafeBufferPointer(rebasing: memory[..<count])
    }

    private func makeRoom(_ count: Int) {
        guard count > memory.count else { return }
        memory.deallocate()
        memory = .allocate(capacity: count)
    }
}

/// What the last attempt of a job left for the next, copied.
final class CheckpointCopy {
    private let memory: UnsafeMutableRawBufferPointer

    /// Valid as long as this object.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    init<Source: Rows & ~Copyable>(of id: UInt64, _ rows: borrowing Source) throws {
        var bytes: [UInt8] = []
        try JobInspector.checkpoint(of: id, rows) { bytes += $0 }
        memory = .allocate(byteCount: bytes.count, alignment: 16)
        memory.copyBytes(from: bytes)
    }

    deinit { memory.deallocate() }
}
