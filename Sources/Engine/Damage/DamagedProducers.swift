import Store

extension Engine {
    /// A producer's row. In the place of a damaged one comes a row that refuses every request: nobody
    /// knows which were accepted, and none may be accepted twice.
    func readProducer(_ id: UInt64, _ rows: borrowing Transaction) throws -> Producer? {
        do {
            return try rows.get(Tables.producers, .job(id)) { try Producer(from: &$0) }
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            let sentence = "the answers to producer \(id) are set aside, and its requests refused"
            try setAside(Tables.producers, .job(id), sentence, error, rows)
            try deleteAnswers(of: id, rows)
            // Its timer is there already.
            var lost = Producer(lastUsed: stamp.now, floor: Producer.lostFloor)
            lost.isStored = true
            try rows.put(Tables.producers, .job(id)) { lost.write(to: &$0) }
            return lost
        }
    }

    private func deleteAnswers(of id: UInt64, _ rows: borrowing Transaction) throws {
        var keys: [Key] = []
        let damaged = try rows.survey(
            Tables.answers, from: .answer(id, 0, 0), to: .answer(id, .max, .max)
        ) { key, _ in keys.append(key.whole) }
        for key in keys + damaged.map({ Key($0.key) }) { _ = try rows.delete(Tables.answers, key) }
    }
}
