import Store
import TestSupport
import Testing

@testable import Engine

/// Runs of consecutive jobs, as rows: joined where they touch, split where one is taken out.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct RunsTests {
    private let place = IndexPlace(9, .dead)

    private func stored(_ rows: borrowing Transaction) throws -> [JobRun] {
        var runs: [JobRun] = []
        try rows.scan(Tables.index, from: place.key(0), to: .queue(10)) { key, reader in
            guard let first = try place.first(in: &key) else { return .stop }
            runs.append(JobRun(first: first, count: try reader.u32()))
            return .next
        }
        return runs
    }

    @Test func `runs that touch are one row, and a job is taken out of the middle`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.turn { rows in
            try place.insert(JobRun(first: 10, count: 5), rows)
            try place.insert(JobRun(first: 20, count: 5), rows)
            #expect(try stored(rows).count == 2)
            try place.insert(JobRun(first: 15, count: 5), rows)
            #expect(try stored(rows) == [JobRun(first: 10, count: 15)])
            let removed = try place.remove(JobRun(first: 12, count: 2), rows)
            #expect(removed == [JobRun(first: 12, count: 2)])
            #expect(
                try stored(rows) == [JobRun(first: 10, count: 2), JobRun(first: 14, count: 11)])
            #expect(try place.contains(11, rows))
            #expect(try !place.contains(13, rows))
        }
    }

    @Test func `what is not there is not removed`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.turn { rows in
            try place.insert(JobRun(first: 10, count: 2), rows)
            try place.insert(JobRun(first: 14, count: 2), rows)
            try IndexPlace(9, .expired).insert(JobRun(first: 12, count: 2), rows)
            #expect(try place.remove(JobRun(first: 11, count: 4), rows).jobs == 2)
            #expect(try stored(rows) == [JobRun(first: 10, count: 1), JobRun(first: 15, count: 1)])
            #expect(try place.remove(JobRun(first: 0, count: 10), rows).isEmpty)
        }
    }

    @Test func `many random changes come to the same as a set of ids`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        var dice = Dice(seed: 5)
        var ids: Set<UInt64> = []
        try harness.turn { rows in
            for _ in 0..<2_000 {
                let first = UInt64(dice.number(1...120))
                let run = JobRun(first: first, count: UInt32(dice.number(1...6)))
                let range = Set(run.first..<run.end)
                if dice.once(in: 2) {
                    guard ids.isDisjoint(with: range) else { continue }
                    ids.formUnion(range)
                    try place.insert(run, rows)
                } else {
                    #expect(try place.remove(run, rows).jobs == ids.intersection(range).count)
                    ids.subtract(range)
                }
            }
            let runs = try stored(rows)
            #expect(Set(runs.flatMap { $0.first..<$0.end }) == ids)
            for (run, next) in zip(runs, runs.dropFirst()) { #expect(run.end < next.first) }
        }
    }

    @Test func `timers of one instant are runs of their own for each fate`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        try harness.turn { rows in
            let due = harness.now + 1_000_000
            var pending = PendingRuns<TimerPlace>()
            for id in 1...30 as ClosedRange<UInt64> {
                pending.add(id, to: .ready(due, queue: UInt32(id % 3 + 1), order: 127))
            }
            for id in 31...40 as ClosedRange<UInt64> {
                pending.add(id, to: .ready(due, queue: 1, order: 127))
            }
            try pending.write(rows)
            #expect(pending.isEmpty)
        }
        #expect(try harness.rowCount(Tables.timers) == 30)
    }

    @Test(arguments: [10, 200] as [UInt8])
    func `a job that goes from one run of timers to another is in that alone`(
        _ order: UInt8
    ) throws {
        let harness = try EngineHarness()
        harness.verifies = false
        let due = harness.now + 1_000_000
        let before = TimerPlace.ready(due, queue: 1, order: 127)
        let after = TimerPlace.ready(due, queue: 1, order: order)
        try harness.turn { rows in
            var pending = PendingRuns<TimerPlace>()
            for id in 1...3 as ClosedRange<UInt64> { pending.add(id, to: before) }
            try pending.write(rows)
            pending.remove(2, from: before)
            pending.add(2, to: after)
            try pending.write(rows)
            #expect(try !before.contains(2, rows))
            #expect(try after.contains(2, rows))
            #expect(try before.contains(1, rows) && before.contains(3, rows))
        }
    }

    @Test func `changes held back come to the same as changes made at once`() throws {
        let harness = try EngineHarness()
        harness.verifies = false
        var dice = Dice(seed: 9)
        let places = [place, IndexPlace(9, .expired), IndexPlace(10, .dead)]
        var ids = places.map { _ in Set<UInt64>() }
        var pending = PendingRuns<IndexPlace>()
        try harness.turn { rows in
            for _ in 0..<3_000 {
                let number = dice.number(0...2)
                let id = UInt64(dice.number(1...60))
                if ids[number].remove(id) != nil {
                    pending.remove(id, from: places[number])
                } else {
                    ids[number].insert(id)
                    pending.add(id, to: places[number])
                }
                let isThere =
                    try pending.contains(id, in: places[number])
                    ?? places[number].contains(id, rows)
                #expect(isThere == ids[number].contains(id))
                if dice.number(0...20) == 0 { try pending.write(rows) }
            }
            try pending.write(rows)
            #expect(pending.isEmpty)
            for (place, ids) in zip(places, ids) {
                for id in UInt64(1)...60 {
                    #expect(try place.contains(id, rows) == ids.contains(id))
                }
            }
        }
    }
}
