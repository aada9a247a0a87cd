import Store

extension Verifier {
    // MARK: Queues

    func lookAtQueues<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.queues, from: place, rows) { key, row in
            let id = try key.u32()
            let queue = try QueueRow(from: &row)
            let name = try passingDamage {
                try rows.get(Tables.names, .queue(id)) { try $0.string8() }
            }
            expect(
                try name == queue.name || isSetAside(Tables.names, .queue(id), rows), Tables.names,
                "queue \(queue.name) has the name \(name ?? "") in the row of its name")
        }
    }

    func lookAtNames<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.names, from: place, rows) { key, row in
            let id = try key.u32()
            let name = try row.string8()
            expect(
                try queueExists(id, rows) || isSetAside(Tables.queues, .queue(id), rows),
                Tables.names, "the name \(name) is of no queue")
        }
    }

    // MARK: Producers

    func lookAtProducers<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.producers, from: place, rows) { key, reader in
            let id = try key.u64()
            let producer = try Producer(from: &reader)
            for (sequence, bytes) in producer.mixed.sorted(by: { $0.key < $1.key }) {
                let stored = try bytesStored(id, sequence, rows)
                expect(
                    stored == nil || stored == Int(bytes), Tables.answers,
                    "answer \(sequence) of producer \(id) has \(stored ?? 0) bytes of \(bytes)")
            }
        }
    }

    /// Bytes of an answer in its pieces; nil when one of them is damaged.
    private func bytesStored<Source: Rows & ~Copyable>(
        _ producer: UInt64, _ sequence: UInt64, _ rows: borrowing Source
    ) throws -> Int? {
        var bytes = 0
        var isDamaged = false
        let end = Key.answer(producer, sequence, .max)
        let found: Void? = try passingDamage {
            try rows.scan(Tables.answers, from: .answer(producer, sequence, 0), to: end) { _, row in
                saw(1)
                bytes += row.remaining
                return .next
            }
        }
        if found == nil { isDamaged = true }
        let first = Key.damaged(Tables.answers, .answer(producer, sequence, 0))
        let last = Key.damaged(Tables.answers, end)
        try rows.scan(Tables.damaged, from: first, to: last) { _, _ in
            isDamaged = true
            return .stop
        }
        return isDamaged ? nil : bytes
    }

    func lookAtAnswers<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.answers, from: place, rows) { key, _ in
            let id = try key.u64()
            let sequence = try key.u64()
            let producer = try passingDamage {
                try rows.get(Tables.producers, .job(id)) { try Producer(from: &$0) }
            }
            expect(
                try producer?.mixed[sequence] != nil
                    || isSetAside(Tables.producers, .job(id), rows),
                Tables.answers, "an answer \(sequence) is of producer \(id), who does not know it")
        }
    }

    // MARK: Damage

    func isSetAside<Source: Rows & ~Copyable>(
        _ table: Table, _ key: Key, _ rows: borrowing Source
    ) throws -> Bool {
        try rows.contains(Tables.damaged, .damaged(table, key))
    }
}
