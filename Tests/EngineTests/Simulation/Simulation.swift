import Store
import Testing

@testable import Engine

/// A swarm of commands over hours of the engine's time, thrown by dice; model and engine are compared
/// at every answer, and as a whole every few turns.
final class Simulation {
    let harness: EngineHarness
    var model: Model
    var dice: Dice
    /// Deliveries ever made, some long stale.
    var deliveries: [(job: UInt64, token: UInt64, session: UInt64)] = []
    var producers: [UInt64: [UInt64: JobRun]] = [:]
    static let queues = ["mail", "images", "reports", "rare"]
    private let seed: UInt64
    private let compares: Bool
    private var nextSession: UInt64 = 1

    /// - Parameter compares: false for a run whose rows alone are of interest.
    init(seed: UInt64, compares: Bool = true, preparing: ((Engine) -> Void)? = nil) throws {
        self.seed = seed
        self.compares = compares
        dice = Dice(seed: seed)
        harness = try EngineHarness(grace: 5_000, preparing: preparing)
        harness.verifies = false
        model = Model(grace: 5_000, now: harness.now)
    }

    func run(turns: Int) throws {
        for turn in 1...turns {
            try moveOn()
            try self.turn()
            if compares, turn.isMultiple(of: 7) || turn == turns { try compare() }
        }
    }

    func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) {
        guard !isTrue else { return }
        Issue.record("seed \(seed), at \(harness.now): \(what())")
    }

    // MARK: Turns

    private func turn() throws {
        harness.random = dice.next()
        model.random = harness.random
        try harness.turn { rows in
            for _ in 0..<dice.number(0...10) { try command(rows) }
            model.tick()
        } delivering: { rows in
            for _ in 0..<dice.number(0...4) { try deliver(rows) }
        }
        expect(!model.hasMore || harness.nextTurnAt == harness.now, "a turn is wanted at once")
    }

    /// Lets time pass; now and then with the broker away.
    private func moveOn() throws {
        let jump = dice.pick([0, 0, 1, 20, 300, 1_000, 4_000]) ?? 0
        let milliseconds = UInt64(dice.once(in: 60) ? 40_000 : jump)
        model.now += milliseconds
        switch dice.number(1...80) {
        case 1: try harness.restart(after: milliseconds)
        case 2: try harness.crash(after: milliseconds)
        default:
            harness.now += milliseconds
            return
        }
        model.restart()
    }

    private func command(_ rows: borrowing Transaction) throws {
        switch dice.number(1...26) {
        case 1...7: try submit(rows)
        case 8...15: try settleRunning(rows)
        case 16...17: try settleAny(rows)
        case 18: try submitOnce(rows)
        case 19: try openSession(rows)
        case 20: try disconnect(rows)
        case 21...22: try resume(rows)
        case 23: try endSession(rows)
        case 24...25: try nameHeld(rows)
        default: try look(rows)
        }
    }

    // MARK: Sessions

    private func openSession(_ rows: borrowing Transaction) throws {
        guard model.sessions.count < 6 else { return }
        harness.engine.openSession(nextSession, secret: nextSession + 1)
        try harness.engine.storeSession(nextSession, rows)
        model.sessions[nextSession] = .some(nil)
        nextSession += 1
    }

    private func anySession() -> UInt64? { dice.pick(model.sessions.keys.sorted()) }

    private func disconnect(_ rows: borrowing Transaction) throws {
        guard let session = anySession() else { return }
        try harness.engine.disconnectSession(session, rows)
        model.disconnect(session)
    }

    private func resume(_ rows: borrowing Transaction) throws {
        let session = UInt64(dice.number(1...Int(nextSession)))
        let isResumed = try harness.engine.resumeSession(session, secret: session + 1, rows)
        expect(model.resume(session) == isResumed, "session \(session) resumed: \(isResumed)")
    }

    /// Names some of what a session held before it resumed, and something that is lost.
    private func nameHeld(_ rows: borrowing Transaction) throws {
        let connected = model.sessions.filter { $0.value == nil }.keys.sorted()
        guard let session = dice.pick(connected) else { return }
        var named: [(job: UInt64, token: UInt64)] = []
        for (id, job) in model.jobs.sorted(by: { $0.key < $1.key })
        where job.state == .running && job.session == session && !dice.once(in: 3) {
            named.append((id, job.token))
        }
        if let (id, token, _) = dice.pick(deliveries.suffix(200)) { named.append((id, token)) }
        for (id, token) in named {
            let isHeld = try harness.engine.hold(id, token: token, session: session, rows)
            expect(
                model.hold(id, token, by: session) == isHeld,
                "job \(id) held with \(token): \(isHeld)")
        }
        guard !dice.once(in: 4) else { return }
        harness.engine.holdsNothingElse(session: session)
        model.holdsNothingElse(session)
    }

    private func endSession(_ rows: borrowing Transaction) throws {
        guard dice.once(in: 2), let session = anySession() else { return }
        try harness.engine.endSession(session, rows)
        model.end(session, asCrash: false)
    }

    // MARK: Work

    private func deliver(_ rows: borrowing Transaction) throws {
        let connected = model.sessions.filter { $0.value == nil }.keys.sorted()
        guard let session = dice.pick(connected), let queue = dice.pick(Simulation.queues) else {
            return
        }
        let max = dice.number(1...12)
        let bytes = dice.once(in: 3) ? dice.number(0...4_000) : 100_000
        let mayExceed = dice.once(in: 2)
        let lease = UInt64(dice.number(1...20) * 1_000)
        let expected = model.deliver(
            queue, to: session, max: max, bytes: bytes, mayExceed: mayExceed, lease: lease)
        let delivery = try harness.deliver(
            queue, to: session, max: max, bytes: bytes, mayExceed: mayExceed, lease: lease, rows)
        expect(delivery.ids == expected, "\(queue) delivered \(delivery.ids), not \(expected)")
        for job in delivery.jobs {
            expect(job.payload == payload(of: job.id), "the payload of job \(job.id) is another")
            deliveries.append((job.id, delivery.token, session))
        }
    }

    private func settleRunning(_ rows: borrowing Transaction) throws {
        let running = model.jobs.filter { $0.value.state == .running }.keys.sorted()
        guard let id = dice.pick(running), let job = model.jobs[id] else { return }
        try settle(id, job.token, job.session, rows)
    }

    /// Mostly stale or foreign.
    private func settleAny(_ rows: borrowing Transaction) throws {
        guard let (id, token, session) = dice.pick(deliveries.suffix(200)) else { return }
        let other = dice.once(in: 4) ? session + 1 : session
        try settle(id, token &+ (dice.once(in: 4) ? 1 : 0), other, rows)
    }

    private func settle(
        _ id: UInt64, _ token: UInt64, _ session: UInt64, _ rows: borrowing Transaction
    ) throws {
        if dice.once(in: 5) { return try progress(id, token, session, rows) }
        let outcome: Outcome =
            switch dice.number(1...8) {
            case 1...3: .complete(dice.once(in: 2) ? pattern(dice.number(0...3_000)) : nil)
            case 4...5: .fail("failed at \(harness.now)")
            case 6: .release
            default: .extend(UInt64(dice.number(1...4) * 2_500))
            }
        let isExpected = model.settle(id, token, by: session, outcome)
        let credit = try harness.settle(id, token, by: session, outcome, rows)
        expect(
            (credit != nil) == isExpected, "job \(id) \(outcome) with \(token): \(credit != nil)")
    }

    private func progress(
        _ id: UInt64, _ token: UInt64, _ session: UInt64, _ rows: borrowing Transaction
    ) throws {
        let job = model.jobs[id]
        let isExpected = job?.state == .running && job?.token == token && job?.session == session
        let isHeld = try harness.engine.progress(
            id, token: token, session: session, done: 1, message: "…", rows)
        expect(isHeld == isExpected, "progress of job \(id) with \(token): \(isHeld)")
    }
}
