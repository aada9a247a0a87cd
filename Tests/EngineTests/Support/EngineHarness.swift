import Store
import Testing

@testable import Engine

/// Where a row is.
struct StoredRow {
    var table: Table
    var key: Key
}

/// An engine over a real store, with clock and random numbers in the test's hands. After every turn
/// the rows are verified as a whole.
final class EngineHarness {
    private let directory: TestDirectory
    private var path: String
    private let blobs: Store.Blobs
    private var copies = 0
    private let configuration: Engine.Configuration
    private let preparing: ((Engine) -> Void)?
    private(set) var store: Store
    private(set) var engine: Engine
    let arena = Arena()

    static let beginning: UInt64 = 1_700_000_000_000
    /// Milliseconds since 1970: what the next turn is stamped with.
    var now = EngineHarness.beginning
    /// The random number that the next turns are stamped with.
    var random: UInt64 = 0
    /// Whether every turn ends with a look at all rows.
    var verifies = true
    /// When the engine wants its next turn.
    private(set) var nextTurnAt: UInt64?
    /// What turns have changed at most since this was last set: rows, and bytes of the log.
    var largestTurn = (rows: 0, bytes: 0)
    /// What the engine reported as damaged, ever.
    private(set) var damage: [String] = []

    /// - Parameters:
    ///   - payloadsInTables: bytes of long payloads in a commit that stay in the table.
    ///   - preparing: called with every engine before its first turn.
    init(
        grace: UInt64 = 15_000, queuesMax: Int = 65_536, eventsKept: Int = 65_536,
        payloadsInTables: Int = 64 << 10, preparing: ((Engine) -> Void)? = nil
    ) throws {
        self.preparing = preparing
        directory = try TestDirectory()
        path = "\(directory.path)/store"
        let options = Engine.Configuration(
            graceMilliseconds: grace, queuesMax: queuesMax, eventsKept: eventsKept)
        blobs = Store.Blobs(
            fileBytes: 128 << 10, commitBytesMin: payloadsInTables, garbageMin: 64 << 10)
        let store = try Store.open(EngineHarness.options(path, blobs))
        let now = now
        configuration = options
        self.store = store
        engine = try store.turn { rows in try Engine(options, now: now, rows) }
        preparing?(engine)
        try store.commit(now: now)
    }

    private static func options(_ path: String, _ blobs: Store.Blobs) -> Store.Configuration {
        var options = Store.Configuration(
            directory: path, formatVersion: Tables.formatVersion, tables: Tables.all)
        options.mapBytes = 1 << 30
        options.segmentBytes = 1 << 20
        // Few, so that rows come to LMDB before checkpoints, too.
        options.recentBytes = 16_384
        options.reserveBytes = 64 << 10
        options.checkpointMilliseconds = 100
        options.blobs = blobs
        return options
    }

    // MARK: Turns

    /// One turn as the broker makes it: commands, what is due, deliveries.
    @discardableResult
    func turn<R>(
        _ commands: (borrowing Transaction) throws -> R,
        delivering: (borrowing Transaction) throws -> Void = { _ in }
    ) throws -> R {
        let result = try store.turn { rows in
            engine.begin(Engine.Stamp(now: now, random: random))
            let result = try commands(rows)
            try rows.compact(bytesMax: 8 << 10, recordsMax: 100)
            nextTurnAt = try engine.tick(rows)
            try delivering(rows)
            try engine.finish(rows)
            largestTurn.rows = max(largestTurn.rows, rows.changedRows)
            largestTurn.bytes = max(largestTurn.bytes, rows.changedBytes)
            return result
        }
        try store.commit(now: now)
        if store.checkpointDue(now: now) { try store.checkpoint(now: now) }
        damage += engine.damage
        arena.reset()
        if verifies { try verify() }
        return result
    }

    /// An empty turn at the present instant.
    func tick() throws { try turn { _ in } }

    /// Moves the clock, and makes turns until nothing is due.
    /// - Returns: how many turns it took.
    @discardableResult
    func advance(_ milliseconds: UInt64 = 0) throws -> Int {
        now += milliseconds
        var turns = 0
        repeat {
            try tick()
            turns += 1
        } while (nextTurnAt ?? .max) <= now
        return turns
    }

    /// Looks at rows, and at the engine, in a turn without commands that does not work off what is due.
    func look<R>(_ body: (borrowing Transaction) throws -> R) throws -> R {
        let result = try store.turn { rows in
            engine.begin(Engine.Stamp(now: now, random: random))
            let result = try body(rows)
            try engine.finish(rows)
            return result
        }
        try store.commit(now: now)
        damage += engine.damage
        return result
    }

    /// What does not add up in the rows; what is damaged is not told.
    func problems() throws -> [String] {
        try allProblems().filter { !$0.isDamage }.map { "\($0.table.name): \($0.sentence)" }
    }

    func allProblems() throws -> [Verifier.Problem] {
        let now = now
        return try store.turn { rows in try Verifier.everything(asOf: now, rows).problems }
    }

    /// Checks that the rows agree with each other.
    @discardableResult
    func verify() throws -> StoredRows {
        for problem in try problems() { Issue.record(Comment(rawValue: problem)) }
        return try store.turn { rows in try StoredRows(rows) }
    }

    // MARK: Ends and beginnings

    /// Stops in good order and starts again, `milliseconds` later.
    func restart(after milliseconds: UInt64 = 0) throws {
        try store.close(now: now)
        now += milliseconds
        try open()
    }

    /// Goes on with what a crash at this moment would have left.
    func crash(after milliseconds: UInt64 = 0) throws {
        copies += 1
        let copy = "\(directory.path)/crashed-\(copies)"
        try directory.copy(path, to: copy)
        // The old one must still be closed, and nothing may be open in it then.
        try store.commit(now: now)
        try store.close(now: now)
        try directory.remove(path)
        path = copy
        now += milliseconds
        try open()
    }

    /// Makes a turn that a crash takes back: it never reached the log.
    func crash(losing commands: (borrowing Transaction) throws -> Void) throws {
        try store.turn { rows in
            engine.begin(Engine.Stamp(now: now, random: random))
            try commands(rows)
            _ = try engine.tick(rows)
            try engine.finish(rows)
        }
        arena.reset()
        try crash()
    }

    /// Stops, repairs the store, and starts again.
    func repair() throws -> Repair.Report {
        try store.close(now: now)
        let closed = try Store.open(EngineHarness.options(path, blobs))
        let report = try Repair.run(closed, now: now)
        try closed.close(now: now)
        try open()
        return report
    }

    /// Stops, flips a bit in one byte of each of these rows, verifies and repairs the store, and starts
    /// again.
    func repair(
        damaging rows: [StoredRow], at place: Double
    ) throws -> (problems: [Verifier.Problem], report: Repair.Report) {
        try close(damaging: rows, at: place)
        let closed = try Store.open(EngineHarness.options(path, blobs))
        try closed.checkpoint(now: now)
        let problems = try closed.snapshot { try Verifier.everything(asOf: now, $0).problems }
        let report = try Repair.run(closed, now: now)
        try closed.close(now: now)
        try open()
        return (problems, report)
    }

    /// Stops, flips a bit in each of the stored byte strings, and starts again.
    func restart(damaging strings: [[UInt8]]) throws {
        try store.close(now: now)
        for bytes in strings {
            let files =
                try ["data.mdb"] + directory.names(in: "\(path)/blobs").map { "blobs/\($0)" }
            let places = try files.map { try directory.damage(bytes, in: "\(path)/\($0)") }
            #expect(places.reduce(0, +) == 1)
        }
        try open()
    }

    /// Stops, flips a bit in one byte of each of these rows, and starts again without a look at the rows.
    /// - Parameter place: where in the row the byte is: 0 the first one, 1 the last.
    func restart(damaging rows: [StoredRow], at place: Double) throws {
        try close(damaging: rows, at: place)
        verifies = false
        try open()
        damage += engine.damage
    }

    private func close(damaging rows: [StoredRow], at place: Double) throws {
        let bytes = try look { transaction in
            try rows.map { row in
                let value = try #require(try transaction.raw(row.table, row.key))
                // A row that is packed or fits no leaf is not beside its key; its check value tells it from others.
                let isApart = row.table == Tables.jobs || value.count > EngineLimits.inlineBytesMax
                let key = isApart ? [] : row.key.withBytes { Array($0) }
                return (key + value, key.count + Int(place * Double(value.count - 1)))
            }
        }
        try store.close(now: now)
        for (bytes, index) in bytes {
            try directory.damageEverywhere(bytes, at: index, in: "\(path)/data.mdb")
        }
    }

    private func open() throws {
        store = try Store.open(EngineHarness.options(path, blobs))
        let configuration = configuration
        let now = now
        engine = try store.turn { rows in try Engine(configuration, now: now, rows) }
        preparing?(engine)
        try store.commit(now: now)
        if verifies { try verify() }
    }
}
