import Store

/// Payloads and results that are too long for a leaf page are stored in pieces that are not: LMDB
/// then finds every page again that they leave, whatever the lengths of those that come.
extension Engine {
    func putPieces(
        _ bytes: UnsafeRawBufferPointer, from first: UInt32 = 0, of id: UInt64, _ part: PayloadPart,
        _ rows: borrowing Transaction
    ) throws {
        var index = first
        var start = 0
        while start < bytes.count {
            let end = min(start + EngineLimits.pieceBytes, bytes.count)
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
            to: .piece(id, part, pieces(holding: byteCount)))
    }
}

/// Rows that so many bytes take.
func pieces(holding byteCount: UInt32) -> UInt32 {
    (byteCount + UInt32(EngineLimits.pieceBytes) - 1) / UInt32(EngineLimits.pieceBytes)
}

/// A payload or result put together from its pieces, each of them checked.
final class Pieces {
    private let memory: UnsafeMutableRawBufferPointer
    private var used = 0

    /// Valid as long as this object.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    init<Source: Rows & ~Copyable>(
        _ byteCount: UInt32, of id: UInt64, _ part: PayloadPart, _ rows: borrowing Source
    ) throws {
        memory = .allocate(byteCount: Int(byteCount), alignment: 16)
        for index in 0..<pieces(holding: byteCount) {
            let key = Key.piece(id, part, index)
            let isThere: Void? = try rows.get(Tables.pieces, key) { reader in
                let piece = reader.rest()
                guard used + piece.count <= memory.count else {
                    throw nonsense(Tables.pieces, key, "job \(id) has more bytes than \(byteCount)")
                }
                UnsafeMutableRawBufferPointer(rebasing: memory[used..<used + piece.count])
                    .copyMemory(from: piece)
                used += piece.count
            }
            guard isThere != nil else {
                throw nonsense(Tables.pieces, key, "piece \(index) of job \(id) is missing")
            }
        }
        guard used == memory.count else {
            throw nonsense(
                Tables.pieces, .piece(id, part, 0), "job \(id) has \(used) bytes of \(byteCount)")
        }
    }

    /// What the last attempt of a job left for the next.
    init<Source: Rows & ~Copyable>(checkpointOf id: UInt64, _ rows: borrowing Source) throws {
        var bytes: [UInt8] = []
        try JobInspector.checkpoint(of: id, rows) { bytes += $0 }
        memory = .allocate(byteCount: bytes.count, alignment: 16)
        memory.copyBytes(from: bytes)
    }

    deinit { memory.deallocate() }

    func copied() -> [UInt8] { Array(memory) }
}
