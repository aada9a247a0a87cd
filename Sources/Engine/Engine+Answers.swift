import Store

/// Answers in which some items were refused, as they went over the wire. Each is written once, in
/// pieces as payloads are, and deleted when its producer's floor has passed it.
extension Engine {
    func putAnswer(
        _ reply: [UInt8], producer: UInt64, sequence: UInt64, _ rows: borrowing Transaction
    ) throws {
        for index in 0..<pieces(holding: UInt32(reply.count)) {
            let start = Int(index) * EngineLimits.pieceBytes
            let end = min(start + EngineLimits.pieceBytes, reply.count)
            try rows.put(Tables.answers, .answer(producer, sequence, index)) {
                $0.bytes(Array(reply[start..<end]))
            }
        }
    }

    /// - Returns: nil when a piece of it is damaged, now or before.
    func readAnswer(
        _ byteCount: UInt32, producer: UInt64, sequence: UInt64, _ rows: borrowing Transaction
    ) throws -> [UInt8]? {
        var reply: [UInt8] = []
        do {
            for index in 0..<pieces(holding: byteCount) {
                try rows.get(Tables.answers, .answer(producer, sequence, index)) {
                    reply.append(contentsOf: $0.rest())
                }
            }
        } catch let error as StoreError {
            guard case .damaged(_, let key) = error.code else { throw error }
            try setAside(Tables.answers, Key(key), "an answer is set aside", error, rows)
            return nil
        }
        return reply.count == Int(byteCount) ? reply : nil
    }

    func deleteAnswer(
        _ byteCount: UInt32, producer: UInt64, sequence: UInt64, _ rows: borrowing Transaction
    ) throws {
        for index in 0..<pieces(holding: byteCount) {
            _ = try rows.delete(Tables.answers, .answer(producer, sequence, index))
        }
    }
}
