import Store

/// Dictionaries, and the counters of those who need them.
extension Verifier {
    /// Each is whole, and none is there that nobody needs.
    func lookAtDictionaries<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.dictionaries, from: place, rows) { key, reader in
            let (id, index) = (try key.u32(), try key.u32())
            guard index == 0 else {
                let isOwned = try rows.contains(Tables.dictionaries, .dictionary(id))
                let isExcused = try isSetAside(id, rows)
                return expect(
                    isOwned || isExcused, Tables.dictionaries,
                    "bytes are of no dictionary \(id)")
            }
            let row = try DictionaryRow(from: &reader)
            saw(Int(pieces(holding: row.byteCount)))
            expect(
                try rows.isWhole(id, row), Tables.dictionaries,
                "the bytes of dictionary \(id) do not match their check value")
            expect(
                !row.isOver, Tables.dictionaries,
                "dictionary \(id) is retired, and there though nothing names it")
        }
    }

    /// What a job needs to be read is there.
    func judgeDictionaries<Source: Rows & ~Copyable>(
        of id: UInt64, _ row: JobRow, _ rows: borrowing Source
    ) throws {
        for dictionary in row.namedDictionaries {
            saw(1)
            let isThere = try rows.contains(Tables.dictionaries, .dictionary(dictionary))
            let isExcused = try isSetAside(dictionary, rows)
            expect(
                isThere || isExcused, Tables.jobs,
                "job \(id) names dictionary \(dictionary), which is not there")
        }
    }

    private func isSetAside<Source: Rows & ~Copyable>(
        _ id: UInt32, _ rows: borrowing Source
    ) throws -> Bool {
        try rows.contains(Tables.damaged, .damaged(Tables.dictionaries, .dictionary(id)))
    }

    // MARK: Counters

    /// Dictionaries that one walk over the jobs counts: as many as a cursor has room for.
    private static let countedAtOnce = 16

    /// Compares how many payloads and results each dictionary counts with the jobs' own rows, on one walk
    /// over all jobs for some dictionaries at a time. Without dictionaries there is none.
    func addUpDictionaries<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        var place = place
        while !hasEnough {
            let first = place.key.isEmpty ? 0 : UInt32(number(place.key, 0, bytes: 4))
            let group = try dictionaries(from: first, rows)
            guard let last = group.last else { return nil }
            if let rest = try addUp(group, from: place, rows) { return rest }
            guard group.count == Verifier.countedAtOnce, last.id < .max else { return nil }
            saw(1)
            place = Place(stage: place.stage)
            place.key = Key().adding(u32: last.id + 1).withBytes { Array($0) }
        }
        return place
    }

    /// The next dictionaries, without a look at their bytes. They are read again for each piece, and so not
    /// counted: else a small one would never come to the jobs.
    private func dictionaries<Source: Rows & ~Copyable>(
        from first: UInt32, _ rows: borrowing Source
    ) throws -> [(id: UInt32, row: DictionaryRow)] {
        var found: [(id: UInt32, row: DictionaryRow)] = []
        var next: UInt32? = first
        while found.count < Verifier.countedAtOnce, let id = next {
            next = nil
            let start = Key.dictionary(id).withBytes { Array($0) }
            try quietly {
                try visitToTheEnd(Tables.dictionaries, from: start, rows) { key, reader in
                    let (id, index) = (try key.u32(), try key.u32())
                    next = id < .max ? id + 1 : nil
                    if index == 0 { found.append((id, try DictionaryRow(from: &reader))) }
                    return false
                }
            }
        }
        return found
    }

    private func addUp<Source: Rows & ~Copyable>(
        _ group: [(id: UInt32, row: DictionaryRow)], from place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        // The last number counts jobs that can't be read.
        guard var counts = carried(group.count + 1, place) else { return nil }
        var jobs = Place(stage: place.stage)
        jobs.key = Key.job(place.job).withBytes { Array($0) }
        let damagedBefore = damagePassed
        let rest = try visitQuietly(Tables.jobs, from: jobs, rows) { _, reader in
            for dictionary in try JobRow(from: &reader).namedDictionaries {
                guard let index = group.firstIndex(where: { $0.id == dictionary }) else { continue }
                counts[index] += 1
            }
            return true
        }
        counts[group.count] += UInt64(damagePassed - damagedBefore)
        if let rest {
            var next = place
            next.job = number(rest.key, 0)
            next.tally = [turn] + counts
            return next
        }
        guard try counts[group.count] == 0 && !hasJobsSetAside(rows) else { return nil }
        // Of one that was set aside and registered again, those before were not counted.
        for (dictionary, counted) in zip(group, counts) where try !isSetAside(dictionary.id, rows) {
            expect(
                dictionary.row.references == counted, Tables.dictionaries,
                "dictionary \(dictionary.id) counts \(dictionary.row.references) references of \(counted)"
            )
        }
        return nil
    }
}
