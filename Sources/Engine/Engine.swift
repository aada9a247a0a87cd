package import Store

/// The rules of a job's life, over a transaction.
///
/// ```
///              submit                      credit                     complete
///  ┌──────────┐  ready at t   ┌─────────┐  push   ┌─────────┐ ───────────────────────▶ completed ─┐
///  │ scheduled│──────────────▶│  ready  │────────▶│ running │  fail, attempts left               │ retention
///  └──────────┘               └─────────┘         │ (lease) │ ─────▶ scheduled (backoff)         ├──────────▶ gone
///                               ▲     ▲           └─────────┘  fail, none left                   │
///                               │     │ lease end,    │ ───────────────────────▶ dead ───────────┘
///                             submit  └─ worker gone, ┘
///                                        released
/// ```
///
/// It knows rows and instants; it has no socket, clock, randomness or concurrency. The same commands
/// at the same instants with the same random numbers give the same rows. What it holds in memory
/// mirrors rows (queues, sessions, producers lately active) or is held back until the turn ends
/// (`finish`), so that rows are written once a turn and not once a job.
///
/// Owned by the writer thread. A turn is `begin`, any number of commands and deliveries, `tick`, `finish`.
package final class Engine {
    /// What the turn is stamped with.
    package struct Stamp: Sendable {
        /// Milliseconds since 1970.
        package var now: UInt64
        /// Uniformly distributed; every job makes its own number of it.
        package var random: UInt64

        package init(now: UInt64, random: UInt64) {
            self.now = now
            self.random = random
        }
    }

    package struct Configuration: Sendable {
        /// How long a session without a connection keeps its leases, in milliseconds.
        package var graceMilliseconds: UInt64
        package var queuesMax: Int

        package init(graceMilliseconds: UInt64 = 15_000, queuesMax: Int = 65_536) {
            self.graceMilliseconds = graceMilliseconds
            self.queuesMax = queuesMax
        }
    }

    let configuration: Configuration
    var stamp = Stamp(now: 0, random: 0)
    var counters: Counters
    var queues: [Queue] = []
    var queuesByHash: [UInt64: [Int]] = [:]
    /// The queue that was named last: mostly the one that is named next.
    var lastQueue = 0
    var sessions: [UInt64: Session] = [:]
    var producers: [UInt64: Producer] = [:]
    /// Queues and producers that this turn changed.
    var changedQueues: [Int] = []
    var changedProducers: [UInt64] = []
    /// Leases that this turn changed.
    var touchedLeases: [LeaseKey: LeaseRow] = [:]
    /// Jobs whose leases this turn extends, by when they are to end.
    var extensions: [LeaseKey: [Extension]] = [:]
    /// Jobs that finished in this turn, by when they are to vanish.
    var retained: [UInt64: [JobRun]] = [:]
    /// Sessions whose leases are being given back, because they ended or because their workers do not
    /// hold some of them, and where that has got to.
    var ending: [UInt64: EndingSession] = [:]
    var unheld: [UInt64: UnheldLeases] = [:]
    var leaseWalk = LeaseWalk()
    /// No lease ends before this instant: workers get their grace after a restart.
    var leaseFloor: UInt64
    var lastLease: LeaseKey?
    /// Whether any handler has reported progress, so that finishing jobs have rows to remove.
    var hasProgress = false
    let scratch = Scratch()

    /// Jobs that somebody waits for: they are kept a while even if their retention is zero.
    package var watched: Set<UInt64> = []
    /// Watched jobs that finished in this turn, or were found damaged.
    package var finishedWatched: [UInt64] = []
    /// Credit of deliveries that came to an end in this turn without the worker's word.
    package var lapsed: [DeliveryCredit] = []
    /// Records found damaged in this turn and set aside, as sentences for the log.
    package var damage: [String] = []

    /// Reads what the memory mirrors, and gives every stored session its grace.
    package init(
        _ configuration: Configuration, now: UInt64, _ rows: borrowing Transaction
    ) throws {
        self.configuration = configuration
        leaseFloor = now + configuration.graceMilliseconds
        counters = try Counters(reading: rows)
        stamp.now = now
        try readQueues(rows)
        try readSessions(rows)
        try forgetStaged(rows)
        try rows.first(Tables.progress, atOrAfter: .job(0)) { _, _ in hasProgress = true }
        try finish(rows)
    }

    // MARK: The turn

    /// The instant that the turn is stamped with, milliseconds since 1970.
    package var now: UInt64 { stamp.now }

    package func begin(_ stamp: Stamp) {
        self.stamp = stamp
        finishedWatched.removeAll(keepingCapacity: true)
        lapsed.removeAll(keepingCapacity: true)
        damage.removeAll(keepingCapacity: true)
    }

    /// Writes what was held back. Nothing may be asked of the engine between this and the next `begin`.
    package func finish(_ rows: borrowing Transaction) throws {
        try writeExtensions(rows)
        try writeLeases(rows)
        try writeRetention(rows)
        try writeQueues(rows)
        try writeProducers(rows)
        try counters.write(rows)
    }

    // MARK: Job rows

    /// Reads a job's row; its byte strings stay valid until the next call of this.
    func load(_ id: UInt64, _ rows: borrowing Transaction) throws -> JobRow? {
        do {
            return try rows.get(Tables.jobs, .job(id)) { reader in
                var row = try JobRow(from: &reader)
                scratch.keep(&row)
                return row
            }
        } catch let error as StoreError {
            guard case .damaged = error.code else { throw error }
            try setAside(id, error, rows)
            return nil
        }
    }

    func save(_ row: JobRow, _ id: UInt64, _ rows: borrowing Transaction) throws {
        try rows.put(Tables.jobs, .job(id)) { row.write(to: &$0) }
    }
}

/// Numbers given out, one row.
struct Counters: Equatable {
    var nextJob: UInt64 = 1
    var nextToken: UInt64 = 1
    var nextQueue: UInt32 = 1
    private var written: [UInt64] = []

    private static let key = Key().adding(u8: 0)

    init(reading rows: borrowing Transaction) throws {
        try rows.get(Tables.counters, Counters.key) { reader in
            nextJob = try reader.u64()
            nextToken = try reader.u64()
            nextQueue = try reader.u32()
        }
        written = numbers
    }

    private var numbers: [UInt64] { [nextJob, nextToken, UInt64(nextQueue)] }

    mutating func write(_ rows: borrowing Transaction) throws {
        guard written != numbers else { return }
        written = numbers
        try rows.put(Tables.counters, Counters.key) { [self] writer in
            writer.u64(nextJob)
            writer.u64(nextToken)
            writer.u32(nextQueue)
        }
    }
}

/// Memory for the byte strings of the one job row that is being changed.
final class Scratch {
    private let memory: UnsafeMutableRawBufferPointer
    private var used = 0

    init() {
        memory = .allocate(byteCount: 3 * 65_536, alignment: 16)
    }

    deinit { memory.deallocate() }

    /// Copies the row's byte strings here, so that the row may be written over.
    func keep(_ row: inout JobRow) {
        used = 0
        row.type = keep(row.type)
        row.payload.bytes = keep(row.payload.bytes)
        if let error = row.history?.error { row.history?.error = keep(error) }
        if let result = row.result?.bytes { row.result?.bytes = keep(result) }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let place = UnsafeMutableRawBufferPointer(rebasing: memory[used..<used + bytes.count])
        place.copyMemory(from: bytes)
        used += bytes.count
        return UnsafeRawBufferPointer(place)
    }
}
