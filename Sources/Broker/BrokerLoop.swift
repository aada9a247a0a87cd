import Engine
import Logging
import MartletWire
import NIOCore
import Store

/// The writer: everything that changes a row happens here, in turns of four verbs, on the thread of
/// one event loop. That loop serves connections too, so that a lone request is read, carried out, made
/// durable and answered without waking another thread.
///
/// *Drain* takes what event loops have handed over; *apply* carries it out in the open transaction;
/// *commit* appends the turn to the log; only then *reply* releases what was answered. The kernel
/// writes by itself: whatever arrives during a commit is applied meanwhile, and committed together
/// when it is over. So commits are shared without a timer, but for settlements that nobody waits for: see `arrived`.
final class BrokerLoop {
    /// Bytes of frames that one turn takes: a lone small job never waits behind more.
    static let turnBytesMax = 2 << 20
    /// Rows that a turn changes by request before what remains waits for the next.
    static let changedRowsMax = 6_000
    /// How often a full disk is looked at, in milliseconds.
    static let spaceMilliseconds: UInt64 = 500
    /// Between two turns, when there is more to do: long enough not to be over when the loop looks for tasks.
    static let socketsTime = TimeAmount.microseconds(50)
    /// How old a snapshot may be from which a page is read.
    static let snapshotMilliseconds: UInt64 = 100
    /// Between two checkpoints that are made for pages: what somebody who asks again and again costs others is bounded.
    static let checkpointMilliseconds: UInt64 = 20
    /// Payload bytes that one turn delivers: they go through the processor's cache three times before they are sent.
    static let deliveryBytesMax = 1 << 20
    /// What a turn writes anew of blob files that are mostly garbage, and looks at to find it.
    static let compactedBytesMax = 256 << 10
    static let compactedRecordsMax = 1_000
    /// Bytes of replies with which no further turn joins those that wait for the log.
    static let replyBytesMax = 4 << 20

    let configuration: BrokerConfiguration
    let logger: Logger
    let inbox: Inbox
    let clock: BrokerClock
    let store: Store
    let engine: Engine
    let readers: SnapshotReaders
    let appends: AsynchronousAppends?
    let disk: DiskThreads
    var random = SystemRandomNumberGenerator()

    var connections: [ConnectionID: Connection] = [:]
    /// Who has a session now.
    var peersBySession: [UInt64: Peer] = [:]
    /// Host and process of clients that are connected, as they said in `HELLO`, by session.
    var workers: [UInt64: String] = [:]
    var dispatcher: Dispatcher
    var submitMemo = SubmitMemo()
    var commonOptions = CommonOptions()
    var waits = Waits()
    /// The same for actions on many jobs.
    var actionWaits = Waits()
    /// In the order in which they are told next.
    var watchers: [Watcher] = []
    /// Pages that are to be read after the next checkpoint.
    var waitingReads: [SnapshotReaders.Read] = []
    /// Long submissions and settlements, the one that is being stored first.
    var stagings: [Staging] = []
    var isDraining = false

    /// Connections that this turn has something for.
    var noted: [Connection] = []
    /// Turns that are being written to the log, and the one that was applied meanwhile.
    var writing = TurnsUnderWay()
    var appliedAhead: AppliedTurn?
    /// A turn was put off until the log is free.
    private(set) var isTurnWanted = false
    private(set) var isStopping = false
    /// Nothing is written or answered any more; after a failure there may be changes that are no whole turn.
    private(set) var hasEnded = false
    /// When the last checkpoint was begun.
    private var checkpointBegan: UInt64 = 0

    var arrivals: [Arrival] = []
    /// No turn has had to do with these yet.
    var areArrivalsNew = false
    var linger = Linger()
    private var arrivalsTaken = 0
    /// This turn has to do with what was left of earlier arrivals: later ones were announced and are not taken.
    private var isInboxUntouched = false
    private var nextTimer: UInt64?
    /// The first turn works off what became due while the broker was away.
    private(set) var hasMore = true
    /// Who waits for the turn that was put off.
    private var turnWanted: EventLoopPromise<Void>?
    private var alarm: (due: NIODeadline, task: Scheduled<Void>)?
    private var ended: EventLoopPromise<Void>?
    private var couldSubmit = true
    private var turnWatch = TurnWatch()

    /// Opens the store, recovers, and reads what the engine mirrors. On the writer's loop.
    /// - Parameter appends: nil: the disk's threads write the log.
    init(
        _ configuration: BrokerConfiguration, inbox: Inbox, readers: SnapshotReaders,
        appends: AsynchronousAppends?, disk: DiskThreads, logger: Logger
    ) throws {
        self.configuration = configuration
        self.inbox = inbox
        self.readers = readers
        self.appends = appends
        self.disk = disk
        self.logger = logger
        clock = configuration.clock
        dispatcher = Dispatcher(configuration.limits)
        var options = Store.Configuration(
            directory: configuration.directory, formatVersion: Tables.formatVersion,
            tables: Tables.all)
        options.segmentBytes = configuration.segmentBytes
        options.blobs = Store.Blobs(fileBytes: 2 * configuration.segmentBytes)
        options.reserveBytes = configuration.reserveBytes
        if let mapBytes = configuration.mapBytes { options.mapBytes = mapBytes }
        store = try Store.open(options)
        let engineOptions = Engine.Configuration(
            graceMilliseconds: UInt64(configuration.limits.graceMilliseconds),
            queuesMax: configuration.queuesMax, eventsKept: configuration.eventsKept)
        let now = clock.now
        engine = try store.turn { rows in try Engine(engineOptions, now: now, rows) }
        _ = try store.commit(now: now)
        try store.checkpoint(now: now)
    }

    /// Nothing that the kernel still reads from is let go.
    deinit { appends?.close() }

    /// Begins to hear of the appends that the kernel carries out: before `start`.
    func connect() -> EventLoopFuture<Void> {
        guard let appends else { return inbox.loop.makeSucceededVoidFuture() }
        let kept = NIOLoopBound(self, eventLoop: inbox.loop)
        return AppendSignal.connect(appends, to: inbox.loop) { kept.value.appendsEnded() }.map {
            $0.closeFuture.whenComplete { _ in
                kept.value.end(BrokerFailure.unknownOutcome("the log's eventfd was closed"))
            }
        }
    }

    /// Takes turns until it is told to stop, or can't go on; `ended` hears of either.
    func start(_ ended: EventLoopPromise<Void>) {
        self.ended = ended
        inbox.announce(
            to: Inbox.Turns(
                take: { [unowned self] in arrived() },
                whenTaken: { [unowned self] in whenTurnTaken() }))
        takeTurn()
    }

    /// Takes no more turns, and closes the store unless it has failed. Readers, the disk's threads and what
    /// the kernel still writes go first: closing takes the memory away that they read.
    func end(_ failure: (any Error)? = nil) {
        guard !hasEnded else { return }
        hasEnded = true
        isStopping = true
        tellOfTurn()
        alarm?.task.cancel()
        inbox.announce(to: nil)
        readers.stop(on: inbox.loop).and(disk.stop(on: inbox.loop)).assumeIsolated()
            .whenComplete { _ in
                self.appends?.close()
                self.ended?.completeWith(
                    Result {
                        if let failure { throw failure }
                        try self.store.close(now: self.clock.now)
                    })
            }
    }

    func logRecovery() {
        logDamage()
        let recovery = store.recovery
        logger.info(
            "store is open",
            metadata: [
                "turns_replayed": "\(recovery.turnsReplayed)", "last_turn": "\(recovery.lastTurn)",
                "torn_bytes": "\(recovery.tornBytes)", "turns_wiped": "\(recovery.turnsWiped)",
                "queues": "\(engine.queueCount)",
            ])
    }

    // MARK: The turn

    func takeTurn() {
        guard !isStopping else { return }
        guard mayApply else {
            isTurnWanted = true
            return
        }
        isTurnWanted = false
        defer { tellOfTurn() }
        do {
            try turn()
            if isStopping, writing.isEmpty { return end() }
            awaitNext()
        } catch {
            end(error)
        }
    }

    private func whenTurnTaken() -> EventLoopFuture<Void> {
        takeTurn()
        guard isTurnWanted else { return inbox.loop.makeSucceededVoidFuture() }
        let taken = turnWanted ?? inbox.loop.makePromise()
        turnWanted = taken
        return taken.futureResult
    }

    private func tellOfTurn() {
        turnWanted?.succeed()
        turnWanted = nil
    }

    /// Arrivals announce themselves; the rest is a matter of time. Even where there is more to do now it is a moment
    /// later: the loop works off all its tasks, those that they add included, before it looks at its
    /// sockets again, and small jobs would wait there behind everything that is being staged.
    ///
    /// An alarm that comes too early stays: setting it anew costs more than a turn in vain now and then.
    func awaitNext() {
        guard let wait = millisecondsToWait() else { return }
        let due = inbox.loop.now + max(.milliseconds(Int64(wait)), BrokerLoop.socketsTime)
        if let alarm {
            guard due < alarm.due else { return }
            alarm.task.cancel()
        }
        let task = inbox.loop.assumeIsolated().scheduleTask(deadline: due) {
            self.alarm = nil
            self.takeTurn()
        }
        alarm = (due, task)
    }

    private func turn() throws {
        let (begin, work) = (TurnWatch.now(), TurnWatch.work())
        drain()
        let now = clock.now
        try store.turn { rows in try apply(now, rows) }
        sendEarly()
        let times = TurnTimes(apply: TurnWatch.now() - begin, work: TurnWatch.work() - work)
        try commit(AppliedTurn(now: now, replies: takeReplies(), times: times))
    }

    func note(_ times: TurnTimes) {
        if let longest = turnWatch.note(times, at: TurnWatch.now()) { log(longest) }
    }

    private func log(_ longest: TurnTimes) {
        logger.log(
            level: longest.total > TurnWatch.long ? .info : .debug, "longest turn of late",
            metadata: [
                "apply_us": "\(longest.apply / 1_000)", "commit_us": "\(longest.commit / 1_000)",
                "checkpoint_us": "\(longest.checkpoint / 1_000)",
                "most_work_us": "\(longest.work / 1_000)",
            ])
    }

    private func drain() {
        isInboxUntouched = !arrivals.isEmpty && !areArrivalsNew
        areArrivalsNew = false
        guard !isInboxUntouched else { return }
        inbox.drain(into: &arrivals)
    }

    /// What was taken is let go at once, so that connections read on into the same buffers.
    private func forgetArrivals() {
        guard arrivalsTaken == arrivals.count else { return }
        arrivals.removeAll(keepingCapacity: true)
        arrivalsTaken = 0
    }

    /// Nil: until something arrives.
    private func millisecondsToWait() -> UInt64? {
        if hasMore { return 0 }
        let now = clock.now
        let lookForSpace = store.acceptsSubmissions ? nil : now + BrokerLoop.spaceMilliseconds
        let deadlines = [
            nextTimer, checkpointDeadline, waits.nextDeadline, actionWaits.nextDeadline,
            lookForSpace,
        ]
        guard let next = deadlines.compactMap({ $0 }).min() else { return nil }
        return next > now ? next - now : 0
    }

    private func apply(_ now: UInt64, _ rows: borrowing Transaction) throws {
        engine.begin(Engine.Stamp(now: now, random: random.next()))
        var bytes = 0
        while arrivalsTaken < arrivals.count, bytes < BrokerLoop.turnBytesMax, hasRoom(rows) {
            let (done, rest) = try carryOut(arrivals[arrivalsTaken], rows)
            bytes += done
            if let rest { arrivals[arrivalsTaken] = rest } else { arrivalsTaken += 1 }
        }
        forgetArrivals()
        try stageSome(rows)
        try rows.compact(
            bytesMax: BrokerLoop.compactedBytesMax, recordsMax: BrokerLoop.compactedRecordsMax)
        nextTimer = try engine.tick(rows)
        giveBackLapsedCredit()
        pushCancels()
        hasMore =
            isInboxUntouched || arrivalsTaken < arrivals.count || !stagings.isEmpty
            || store.isCompacting
        if try dispatcher.dispatch(
            engine, bytesMax: BrokerLoop.deliveryBytesMax, rows, noting: { note($0) })
        {
            hasMore = true
        }
        try answerWaits(now, rows)
        try answerActionWaits(now, rows)
        if pushEvents() { hasMore = true }
        try engine.finish(rows)
        logDamage()
    }

    private func logDamage() {
        for sentence in engine.damage {
            logger.error("damaged record", metadata: ["what": "\(sentence)"])
        }
    }

    /// Whether a checkpoint is to be begun as soon as the log is free.
    func isCheckpointDue(_ now: UInt64) -> Bool {
        guard let checkpointDeadline else { return false }
        return now >= checkpointDeadline || store.checkpointDue(now: now)
    }

    /// The store's, or earlier: pages wait for it, or the space that deleted rows left is to be seen.
    private var checkpointDeadline: UInt64? {
        guard let deadline = store.checkpointDeadline else { return nil }
        guard waitingReads.isEmpty else {
            return min(deadline, checkpointBegan + BrokerLoop.checkpointMilliseconds)
        }
        guard !store.acceptsSubmissions, let oldest = store.oldestWaiting else { return deadline }
        return min(deadline, oldest + BrokerLoop.snapshotMilliseconds)
    }

    func checkpoint(_ now: UInt64) throws {
        if isCheckpointDue(now), let flush = try store.beginCheckpoint(now: now) {
            checkpointBegan = now
            disk.write(flush, then: inbox.loop) { self.written(flush) }
        }
        startWaitingReads()
        if !store.acceptsSubmissions { store.reserve() }
        guard couldSubmit != store.acceptsSubmissions else { return }
        couldSubmit = store.acceptsSubmissions
        if couldSubmit {
            logger.notice("space has returned: submissions are accepted again")
        } else {
            logger.error("no space can be reserved: submissions are refused, settlements go on")
        }
    }

    // MARK: Arrivals

    /// - Returns: bytes of frames carried out, and what of it is for the next turn.
    private func carryOut(
        _ arrival: Arrival, _ rows: borrowing Transaction
    ) throws -> (bytes: Int, rest: Arrival?) {
        switch arrival {
        case .opened(let id, let port):
            let connection = Connection(id: id, port: port)
            connection.peers[0] = Peer(connection, channel: 0, limits: configuration.limits)
            connections[id] = connection
        case .frames(let id, let runs):
            guard let connection = connections[id] else { return (0, nil) }
            let (bytes, rest) = try carryOut(runs, of: connection, rows)
            return (bytes, rest.isEmpty ? nil : .frames(id, rest))
        case .closed(let id):
            guard let connection = connections.removeValue(forKey: id) else { return (0, nil) }
            for peer in Array(connection.peers.values) { try disconnect(peer, rows) }
        case .eventsSent(let id, let bytes):
            for (channel, bytes) in bytes {
                connections[id]?.peers[channel]?.eventBytesUnsent -= bytes
            }
        case .drain: startDraining()
        case .stop: isStopping = true
        }
        return (0, nil)
    }

    private func carryOut(
        _ runs: [ByteBuffer], of connection: Connection, _ rows: borrowing Transaction
    ) throws -> (bytes: Int, rest: [ByteBuffer]) {
        note(connection)
        var bytes = 0
        var rest: [ByteBuffer] = []
        for (index, var run) in runs.enumerated() {
            bytes += run.readableBytes
            while !connection.closes, hasRoom(rows), let frame = run.readFrame() {
                if frame.header.endsCountedRequest { connection.requestsDone += 1 }
                try carryOut(frame, of: connection, rows)
            }
            if !connection.closes, !hasRoom(rows), run.readableBytes > 0 {
                bytes -= run.readableBytes
                rest = [run] + runs[(index + 1)...]
                break
            }
        }
        connection.bytesDone += bytes
        return (bytes, rest)
    }

    private func startDraining() {
        isDraining = true
        for connection in connections.values {
            for peer in connection.peers.values where peer.isOpen {
                connection.outbox.write(
                    Draining(milliseconds: configuration.drainMilliseconds),
                    requestID: peer.nextPush,
                    channel: peer.channel)
            }
            note(connection)
        }
    }
}
