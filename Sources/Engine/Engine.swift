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
        /// Events that are kept for those who watch.
        package var eventsKept: Int

        package init(
            graceMilliseconds: UInt64 = 15_000, queuesMax: Int = 65_536, eventsKept: Int = 65_536
        ) {
            self.graceMilliseconds = graceMilliseconds
            self.queuesMax = queuesMax
            self.eventsKept = eventsKept
        }
    }

    #if DEBUG
        var mutant: Mutant?
    #endif
    let configuration: Configuration
    var stamp = Stamp(now: 0, random: 0)
    var counters = Counters()
    var queues: [Queue] = []
    var queuesByHash: [UInt64: [Int]] = [:]
    var queuePlaces: [UInt32: Int] = [:]
    /// Places that deleted queues have left in `queues`.
    var deletedQueues = 0
    /// Queues that are being deleted with all their jobs.
    var deletingQueues: [Int] = []
    /// In search of the leases of the first of them.
    var purgeWalk: PurgeWalk?
    /// The queue that was named last: mostly the one that is named next.
    var lastQueue = 0
    var sessions: [UInt64: Session] = [:]
    var producers: [UInt64: Producer] = [:]
    /// Queues and producers that this turn changed.
    var changedQueues: [Int] = []
    var changedProducers: [UInt64] = []
    /// Leases that this turn changed.
    var touchedLeases = TouchedLeases()
    var knownOptions: KnownOptions?
    var dictionaries = DictionaryBook()
    /// Jobs whose leases this turn extends, by when they are to end.
    var extensions: [LeaseKey: [Extension]] = [:]
    /// Jobs that this turn lists by state, ready ones excepted, or lists no more, and for which it sets
    /// timers or takes them away.
    var pendingIndex = PendingRuns<IndexPlace>()
    var pendingTimers = PendingRuns<TimerPlace>()
    /// How long jobs waited and ran.
    var times = TimesBook()
    /// Sessions whose leases are being given back, because they ended or because their workers do not
    /// hold some of them, and where that has got to.
    var ending: [UInt64: EndingSession] = [:]
    var unheld: [UInt64: UnheldLeases] = [:]
    var leaseWalk = LeaseWalk()
    /// No lease ends before this instant: workers get their grace after a restart.
    var leaseFloor: UInt64
    /// Running jobs that are to be cancelled, and who has them.
    var cancelling: [UInt64: JobHolder] = [:]
    /// Actions on many jobs that are not through.
    var actionsGoingOn: Set<UInt64> = []
    /// Queues whose groups of dead jobs are being counted anew.
    var recounts: [GroupRecount] = []
    let events: EventRing
    /// Whose attempt is coming to an end.
    var worker: UInt64 = 0
    let scratch = Scratch()
    let pattern = JobPattern()
    let pieceList = PieceList()
    /// The row of what was submitted last.
    let submitted = JobPattern()

    /// Jobs that somebody waits for: they are kept a while even if their retention is zero.
    package var watched: Set<UInt64> = []
    /// Watched jobs that finished in this turn, or were found damaged.
    package var finishedWatched: [UInt64] = []
    /// Credit of deliveries that came to an end in this turn without the worker's word.
    package var lapsed: [DeliveryCredit] = []
    /// Running jobs that this turn's requests want stopped, and their workers.
    package var cancels: [CancelNotice] = []
    /// Actions on many jobs that ended in this turn.
    package var endedActions: [UInt64] = []
    /// Records found damaged in this turn, or when the store was opened, and set aside: sentences for the log.
    package var damage: [String] = []

    /// Reads what the memory mirrors, and gives every stored session its grace.
    package init(
        _ configuration: Configuration, now: UInt64, _ rows: borrowing Transaction
    ) throws {
        self.configuration = configuration
        events = EventRing(capacity: configuration.eventsKept)
        leaseFloor = now + configuration.graceMilliseconds
        stamp.now = now
        try readCounters(rows)
        try readQueues(rows)
        try readTimes(rows)
        try readDictionaries(rows)
        try readSessions(rows)
        try forgetStaged(rows)
        try mending(rows) { try readCancels(rows) }
        try mending(rows) { try readBulkActions(rows) }
        try mending(rows) { try readRecounts(rows) }
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
        cancels.removeAll(keepingCapacity: true)
        endedActions.removeAll(keepingCapacity: true)
        events.rest(now: stamp.now)
    }

    /// Writes what was held back. Nothing may be asked of the engine between this and the next `begin`.
    package func finish(_ rows: borrowing Transaction) throws {
        try writeExtensions(rows)
        try writeLeases(rows)
        try writePendingRuns(rows)
        try writeQueues(rows)
        try times.write(at: stamp.now, rows)
        try writeProducers(rows)
        try writeDictionaries(rows)
        try counters.write(rows)
    }

    // MARK: Job rows

    /// Reads a job's row; its byte strings stay valid until the next call of this.
    /// - Parameter withPayload: false: a payload in the row is not copied, since it will not be looked at.
    func load(
        _ id: UInt64, withPayload: Bool = true, _ rows: borrowing Transaction
    ) throws -> JobRow? {
        do {
            return try rows.get(Tables.jobs, .job(id)) { reader in
                var row = try JobRow(from: &reader)
                if !withPayload { row.payload.bytes = .none }
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

    static let key = Key().adding(u8: 1)

    init() {}

    init<Source: Rows & ~Copyable>(reading rows: borrowing Source) throws {
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
        memory = .allocate(byteCount: 8 * 65_536, alignment: 16)
    }

    deinit { memory.deallocate() }

    /// Copies the row's byte strings here, so that the row may be written over.
    func keep(_ row: inout JobRow) {
        used = 0
        row.type = keep(row.type)
        row.payload.bytes = keep(row.payload.bytes)
        if row.history?.trouble != nil { keepTexts(&row) }
        row.keepOptions { keep($0) }
        if let result = row.result?.bytes { row.result?.bytes = keep(result) }
    }

    private func keepTexts(_ row: inout JobRow) {
        guard var trouble = row.history?.trouble else { return }
        trouble.failure.message = keep(trouble.failure.message)
        trouble.failure.errorClass = keep(trouble.failure.errorClass)
        trouble.failure.stack = keep(trouble.failure.stack)
        trouble.cancelReason = keep(trouble.cancelReason)
        row.history?.trouble = trouble
    }

    private func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard bytes.count > 0 else { return .none }
        let place = UnsafeMutableRawBufferPointer(rebasing: memory[used..<used + bytes.count])
        place.copyMemory(from: bytes)
        used += bytes.count
        return UnsafeRawBufferPointer(place)
    }
}
