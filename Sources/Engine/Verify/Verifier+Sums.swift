import Store

extension Verifier {
    func lookAtGroups<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.groups, from: place, rows) { key, reader in
            let queue = try key.u32()
            let fingerprint = try key.u64()
            // The list of queues whose groups are being counted anew.
            guard queue > 0 else { return }
            let group = try GroupRow(from: &reader)
            expect(
                group.jobs > 0, Tables.groups, "queue \(queue) has an empty group \(fingerprint)")
            expect(
                try queueExists(queue, rows), Tables.groups,
                "a group of dead jobs is of no queue \(queue)")
        }
    }

    func lookAtActions<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.actions, from: place, rows) { key, reader in
            let action = try BulkAction(try key.u64(), from: &reader)
            expect(
                try rows.contains(Tables.timers, action.timer.key), Tables.actions,
                "action \(action.id) has no timer at \(action.timerAt)")
        }
    }

    func lookAtTimes<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.times, from: place, rows) { key, _ in
            let queue = try key.u32()
            expect(try queueExists(queue, rows), Tables.times, "times are of no queue \(queue)")
        }
    }

    func lookAtDamaged<Source: Rows & ~Copyable>(
        _ place: Place, _ rows: borrowing Source
    ) throws -> Place? {
        try visit(Tables.damaged, from: place, rows) { _, _ in }
    }
}
