import Store

@testable import Engine

/// A swarm of commands over hours of the engine's time, thrown by dice; model and engine are compared
/// at every answer, and as a whole every few turns.
final class Simulation {
    let harness: EngineHarness
    var model: Model
    var dice = Dice(seed: 0)
    /// Deliveries ever made, some long stale.
    var deliveries: [(job: UInt64, token: UInt64, session: UInt64)] = []
    var producers: [UInt64: [UInt64: JobRun]] = [:]
    /// What was done, in words, when somebody wants to read it.
    private(set) var story: [String] = []
    private let tells: Bool
    private let comparesEvery: Int
    private var step = 0
    var nextSession: UInt64 = 1
    /// Offset of the last event that was compared.
    var eventsRead: UInt64 = 0
    /// Jobs that were there when everything was compared last.
    var lastSeen: Set<UInt64> = []
    static let queues = ["mail", "images", "reports"]

    /// - Parameters:
    ///   - comparesEvery: after how many steps everything is compared; 0 for a run whose rows alone are
    ///     of interest.
    init(
        comparesEvery: Int = 10, tells: Bool = false, preparing: ((Engine) -> Void)? = nil
    ) throws {
        self.comparesEvery = comparesEvery
        self.tells = tells
        harness = try EngineHarness(grace: 5_000, payloadsInTables: 0, preparing: preparing)
        harness.verifies = false
        model = Model(grace: 5_000, now: harness.now)
    }

    /// Runs a script to its end, or to the first disagreement.
    func run(_ script: [Step]) -> Disagreement? {
        do {
            for (number, step) in script.enumerated() {
                self.step = number
                try run(step)
                let isLast = number == script.count - 1
                if comparesEvery > 0, isLast || (number + 1).isMultiple(of: comparesEvery) {
                    try compare()
                }
            }
            if comparesEvery > 0 { try verify() }
            return nil
        } catch let disagreement as Disagreement {
            return disagreement
        } catch {
            return Disagreement(step: step, what: "the engine threw \(error)")
        }
    }

    func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) throws {
        guard !isTrue else { return }
        throw Disagreement(step: step, what: what())
    }

    func tell(_ what: @autoclosure () -> String) {
        if tells { story.append("\(harness.now - EngineHarness.beginning) ms: \(what())") }
    }

    // MARK: Turns

    private func run(_ step: Step) throws {
        dice = Dice(seed: step.turn)
        try moveOn()
        harness.random = dice.next()
        model.random = harness.random
        if dice.once(in: 60) { return try loseTurn(step) }
        try harness.turn { rows in
            watch()
            try commands(step, rows)
        } delivering: { rows in
            for seed in step.deliveries {
                dice = Dice(seed: seed)
                try deliver(rows)
            }
        }
        try expect(!model.hasMore || harness.nextTurnAt == harness.now, "a turn is wanted at once")
    }

    private func commands(_ step: Step, _ rows: borrowing Transaction) throws {
        if harness.engine.activeDictionary(of: "letter") == nil { try register(rows) }
        for seed in step.commands {
            dice = Dice(seed: seed)
            try command(rows)
        }
        model.tick()
    }

    /// A turn whose commit is lost in a crash: it never was.
    private func loseTurn(_ step: Step) throws {
        let before = (model, producers, deliveries, nextSession)
        try harness.crash { rows in try commands(step, rows) }
        tell("crash: all since the turn before is lost")
        (model, producers, deliveries, nextSession) = before
        model.restart()
    }

    /// Lets time pass; now and then with the broker away.
    private func moveOn() throws {
        let jump = dice.pick([0, 0, 1, 20, 300, 1_000, 4_000]) ?? 0
        let milliseconds = UInt64(dice.once(in: 60) ? 40_000 : jump)
        switch dice.number(1...80) {
        case 1: try harness.restart(after: milliseconds)
        case 2: try harness.crash(after: milliseconds)
        default: return try wait(milliseconds)
        }
        model.now += milliseconds
        tell("restart")
        model.restart()
    }

    /// Lets time pass. While an action goes on at its rate there is a turn at every instant at which
    /// something is due: what comes first is plain then.
    private func wait(_ milliseconds: UInt64) throws {
        let end = harness.now + milliseconds
        if milliseconds > 0, model.hasRatedBulk {
            repeat {
                try harness.turn { _ in watch() }
                model.tick()
                harness.now = min(end, max(harness.now, harness.nextTurnAt ?? end))
                model.now = harness.now
            } while harness.now < end
        }
        (harness.now, model.now) = (end, end)
    }

    private func command(_ rows: borrowing Transaction) throws {
        switch dice.number(1...50) {
        case 1...12: try submit(rows)
        case 13...20: try settleRunning(rows)
        case 21...23: try completeRun(rows)
        case 24...25: try settleAny(rows)
        case 26...28: try takeNotes(rows)
        case 29...30: try openSession(rows)
        case 31: try disconnect(rows)
        case 32: try resume(rows)
        case 33: try endSession(rows)
        case 34...36: try cancel(rows)
        case 37...38: try retry(rows)
        case 39...40: try edit(rows)
        case 41...42: try delete(rows)
        case 43: try changeQueue(rows)
        case 44: try dice.once(in: 4) ? stopAction(rows) : actOnAll(rows)
        case 45: try submitOnce(rows)
        case 46: try nameHeld(rows)
        case 47: try dice.once(in: 2) ? register(rows) : nameHeld(rows)
        default: try look(rows)
        }
    }

    // MARK: Sessions

    private func openSession(_ rows: borrowing Transaction) throws {
        guard model.sessions.count < 4 else { return }
        tell("session \(nextSession) opens")
        harness.engine.openSession(nextSession, secret: nextSession + 1)
        try harness.engine.storeSession(nextSession, rows)
        model.sessions[nextSession] = .some(nil)
        nextSession += 1
    }

    private func anySession() -> UInt64? { dice.pick(model.sessions.keys.sorted()) }

    private func disconnect(_ rows: borrowing Transaction) throws {
        guard let session = anySession() else { return }
        tell("session \(session) loses its connection")
        try harness.engine.disconnectSession(session, rows)
        model.disconnect(session)
    }

    private func resume(_ rows: borrowing Transaction) throws {
        let session = UInt64(dice.number(1...Int(nextSession)))
        let isResumed = try harness.engine.resumeSession(session, secret: session + 1, rows)
        tell("session \(session) resumes: \(isResumed)")
        try expect(model.resume(session) == isResumed, "session \(session) resumed: \(isResumed)")
    }

    /// Names some of what a session held before it resumed, and something that is lost.
    private func nameHeld(_ rows: borrowing Transaction) throws {
        let connected = model.sessions.filter { $0.value == nil }.keys.sorted()
        guard let session = dice.pick(connected) else { return }
        var named: [(job: UInt64, token: UInt64)] = []
        for (id, job) in model.jobs.sorted(by: { $0.key < $1.key }) {
            guard let run = job.run, run.session == session, !dice.once(in: 3) else { continue }
            named.append((id, run.token))
        }
        if let (id, token, _) = dice.pick(deliveries.suffix(60)) { named.append((id, token)) }
        tell("session \(session) holds \(named)")
        for (id, token) in named {
            let isHeld = try harness.engine.hold(id, token: token, session: session, rows)
            try expect(
                model.hold(id, token, by: session) == isHeld,
                "job \(id) held with \(token): \(isHeld)")
        }
        guard !dice.once(in: 4) else { return }
        tell("session \(session) holds nothing else")
        harness.engine.holdsNothingElse(session: session)
        model.holdsNothingElse(session)
    }

    private func endSession(_ rows: borrowing Transaction) throws {
        guard dice.once(in: 2), let session = anySession() else { return }
        tell("session \(session) ends")
        try harness.engine.endSession(session, rows)
        model.end(session, asCrash: false)
    }
}
