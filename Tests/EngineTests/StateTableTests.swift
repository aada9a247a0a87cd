import Store
import TestSupport
import Testing

@testable import Engine

/// What the protocol's document says of every event in every state is what the engine does, and nothing
/// else that it could say would be.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct StateTableTests {
    private static let table = Result { try StateTable() }
    /// All that the document says of any event in any state, conditions aside.
    private static let outcomes = Set(
        ((try? table.get().cells) ?? []).flatMap(\.clauses).map(\.outcome)
    ).filter { !$0.hasPrefix("as ") }.union([""])

    @Test func `the document has a row for each event and a column for each state`() throws {
        let cells = try StateTableTests.table.get().cells
        #expect(cells.count == Event.allCases.count * 7)
        #expect(Set(cells.map(\.event)) == Set(Event.allCases.map(\.rawValue)))
        // Nothing is held back yet.
        #expect(Set(cells.map(\.state)) == Set(JobState.allCases).subtracting([.held]))
        let conditions = Set(cells.flatMap(\.clauses).compactMap(\.condition))
        #expect(conditions == Set(Condition.allCases.map(\.rawValue)))
    }

    @Test func `whatever the engine can do to a job is an event of the document`() throws {
        for action in JobAction.Kind.allCases { #expect(Event(rawValue: "\(action)") != nil) }
        let verdicts: [Verdict] = [
            .complete(result: nil), .fail(Failure(message: .none)), .release, .extend(1),
        ]
        #expect(Set(verdicts.map(Event.init)).count == 4)
        let timers = (0...UInt8.max).compactMap { TimerKind(rawValue: $0) }
        #expect(timers.count == 9)
        #expect(timers.filter { Event($0) == nil } == [.producer, .unique, .action])
    }

    @Test(arguments: (try? StateTableTests.table.get().cells) ?? [])
    func `each event does in each state what the document says, and nothing else that it says`(
        _ cell: StateTable.Cell
    ) throws {
        let event = try #require(Event(rawValue: cell.event))
        let clauses = try clauses(of: cell)
        let usual = clauses.first { $0.condition == nil }?.outcome ?? ""
        try check(event, cell.state, nil, usual, cell)
        guard !usual.isEmpty, cell.state == .running else { return }
        // Also those that the document does not name: they make no difference.
        for condition in Condition.allCases where condition.isPossible(for: event) {
            let named = clauses.first { $0.condition == condition.rawValue }?.outcome
            try check(event, cell.state, condition, named ?? usual, cell)
        }
    }

    /// "as release, counted as a crash" has the clauses of release.
    private func clauses(of cell: StateTable.Cell) throws -> [StateTable.Clause] {
        guard cell.text.hasPrefix("as ") else { return cell.clauses }
        let other = cell.text.dropFirst(3).prefix { $0 != "," }
        let cells = try StateTableTests.table.get().cells
        let meant = cells.first { $0.event == other && $0.state == cell.state }
        return try #require(meant).clauses
    }

    private func check(
        _ event: Event, _ state: JobState, _ condition: Condition?, _ outcome: String,
        _ cell: StateTable.Cell
    ) throws {
        let life = try JobLife(state, for: event, condition)
        let isDue = try life.awaits(event)
        let before = try life.sight()
        #expect(before?.state == state)
        let answer = try life.provoke(event)
        if condition == .ended { try life.endGrace() }
        let seen = Observation(
            state: state, isDue: isDue, before: before, answer: answer, after: try life.sight(),
            condition: condition)
        let right = StateTableTests.outcomes.filter(seen.agrees)
        #expect(right == [outcome], "\(condition?.rawValue ?? "usually"): \(seen)")
        guard event != .cancel, let crashes = seen.after?.crashes else { return }
        #expect(crashes == (cell.text.hasSuffix("counted as a crash") ? 1 : 0))
    }
}

/// What came of an event.
private struct Observation {
    var state: JobState
    /// Whether there was something to happen, of an event that nobody asks for.
    var isDue: Bool
    var before: Sight?
    var answer: JobLife.Answer
    var after: Sight?
    var condition: Condition?

    /// Whether a word of the document says it.
    func agrees(with outcome: String) -> Bool {
        switch outcome {
        case "": answer == .none && !isDue && after == before
        case "=":
            after == before && (answer == .acted(.done(state)) || (answer == .none && isDue))
        case "`LEASE_LOST`": answer == .leaseLost && after == before
        case "`JOB_FINISHED`": answer == .acted(.isFinished(state)) && after == before
        case "`JOB_STATE`": answer == .acted(.isInState(state)) && after == before
        case "gone": isDone(nil) && after == nil
        case "edited":
            isDone(state) && after?.state == state && after?.priority != before?.priority
        default:
            (isDone(after?.state) || condition == .ended) && after.map { "\($0.state)" } == outcome
                && after != before && after?.priority == before?.priority
        }
    }

    private func isDone(_ state: JobState?) -> Bool {
        switch answer {
        case .none: isDue
        case .settled: true
        case .leaseLost: false
        case .acted(let outcome): outcome == .done(state)
        }
    }
}

/// Rows of the table.
private enum Event: String, CaseIterable {
    case timeComes = "its time comes"
    case delivery, complete, fail, release, extend, progress, log, checkpoint
    case leaseEnd = "lease end"
    case workerGone = "worker gone"
    case timeout, cancel, retry, edit, reprioritise, delete, purge
    case timeToLiveOver = "time to live over"
    case retentionOver = "retention over"

    init(_ verdict: Verdict) {
        switch verdict {
        case .complete: self = .complete
        case .fail: self = .fail
        case .release: self = .release
        case .extend: self = .extend
        }
    }

    /// Nil for a timer that changes no job's state.
    init?(_ timer: TimerKind) {
        switch timer {
        case .ready: self = .timeComes
        case .lease: self = .leaseEnd
        case .retention: self = .retentionOver
        case .session: self = .workerGone
        case .expiry: self = .timeToLiveOver
        // The end of its grace.
        case .cancel: self = .cancel
        case .producer, .unique, .action: return nil
        }
    }

    /// The timer that makes it happen.
    var timer: TimerKind? {
        switch self {
        case .timeComes: .ready
        case .leaseEnd, .workerGone, .timeout: .lease
        case .timeToLiveOver: .expiry
        case .retentionOver: .retention
        default: nil
        }
    }
}

/// What the table makes an outcome depend on.
private enum Condition: String, CaseIterable {
    case last = "it was the last"
    case discard = "says discard"
    case cancelPending = "a cancel is pending"
    case tooOld = "its time to live is over"
    case limit = "its limit is reached"
    case ended = "the attempt or the grace ends"

    func isPossible(for event: Event) -> Bool {
        switch self {
        // The limit of crashes is that of attempts, unless it is said.
        case .last: event != .leaseEnd && event != .workerGone
        case .discard: event == .fail
        case .ended: event == .cancel
        case .cancelPending: event != .cancel
        case .tooOld: event != .timeToLiveOver
        case .limit: true
        }
    }
}

/// One job, brought into a state, to which something happens.
private final class JobLife {
    enum Answer: Equatable {
        case none, settled, leaseLost
        case acted(JobActionOutcome)
    }

    private static let hour: UInt64 = 3_600_000
    private let harness = try? EngineHarness()
    private let condition: Condition?
    private var id: UInt64 = 0
    private var token: UInt64 = 0

    private struct NoHarness: Error {}

    private func use<R>(_ body: (EngineHarness) throws -> R) throws -> R {
        guard let harness else { throw NoHarness() }
        return try body(harness)
    }

    init(_ state: JobState, for event: Event, _ condition: Condition?) throws {
        self.condition = condition
        try use { harness in
            try harness.openSession(1)
            let wish = wish(state, event)
            let outcome = try harness.turn { rows in
                try harness.submit("mail", payload: [1], wish, rows)
            }
            guard case .accepted(let id) = outcome else { throw NoHarness() }
            self.id = id
            try bring(to: state, event, harness)
        }
    }

    private func wish(_ state: JobState, _ event: Event) -> Wish {
        var wish = Wish()
        let retention = event == .retentionOver ? 10_000 : 3 * JobLife.hour
        for state in JobState.allCases where state.isFinished { wish.retain[state] = retention }
        wish.backoff = Backoff(kind: .fixed, jitter: .none, base: 5_000, cap: 5_000)
        if state == .scheduled { wish.delay = JobLife.hour }
        if state == .expired { wish.expires = 1 }
        if event == .timeToLiveOver, state != .expired { wish.expires = 20_000 }
        if condition == .tooOld { wish.expires = 1_000 }
        if event == .timeout { wish.timeout = 5_000 }
        if condition == .last { wish.maxAttempts = 1 }
        if condition == .limit { (wish.maxCrashes, wish.maxInterruptions) = (1, 1) }
        return wish
    }

    private func bring(to state: JobState, _ event: Event, _ harness: EngineHarness) throws {
        if state == .expired { try harness.advance(1) }
        if state == .cancelled { try doing { try harness.cancel(id, grace: 0, reason: "", $0) } }
        if [.running, .completed, .dead].contains(state) {
            let lease = event == .leaseEnd ? 30_000 : 2 * JobLife.hour
            token = try harness.deliver(lease: lease).token
        }
        if state == .completed { try harness.settle(id, token) }
        if state == .dead {
            var failure = FailureWish(message: "no", fingerprint: 1)
            failure.isDiscard = true
            try harness.settle(id, token, .failedAs(failure))
        }
        if condition == .tooOld { try harness.advance(2_000) }
        if condition == .cancelPending {
            try doing { try harness.cancel(id, grace: JobLife.hour, reason: "", $0) }
        }
    }

    @discardableResult
    private func doing(
        _ body: (borrowing Transaction) throws -> JobActionOutcome
    ) throws -> Answer {
        try use { harness in .acted(try harness.turn { rows in try body(rows) }) }
    }

    func sight() throws -> Sight? {
        try use { harness in try harness.inspect(id).map(Sight.init) }
    }

    /// Whether an event that nobody asks for is to happen.
    func awaits(_ event: Event) throws -> Bool {
        try use { harness in
            if event == .delivery { return harness.engine.hasReady(try harness.index("mail")) }
            return try harness.verify().timers.contains { $0.kind == event.timer }
        }
    }

    func endGrace() throws { try use { harness in _ = try harness.advance(1_000) } }

    // MARK: Events

    @discardableResult
    func provoke(_ event: Event) throws -> Answer {
        try use { harness in
            switch event {
            case .timeComes: try harness.advance(JobLife.hour)
            case .leaseEnd: try harness.advance(30_000)
            case .timeout: try harness.advance(15_000)
            case .timeToLiveOver: try harness.advance(20_000)
            case .retentionOver: try harness.advance(11_000)
            case .workerGone:
                try harness.disconnect(1)
                try harness.advance(15_000)
            case .delivery: _ = try harness.deliver()
            case .complete, .fail, .release, .extend: return try settle(event, harness)
            case .progress, .log, .checkpoint: return try takeNote(event, harness)
            default: return try act(event, harness)
            }
            return .none
        }
    }

    private func settle(_ event: Event, _ harness: EngineHarness) throws -> Answer {
        var failure = FailureWish(message: "no", fingerprint: 1)
        failure.isDiscard = condition == .discard
        let outcome: Outcome =
            switch event {
            case .complete: .complete()
            case .fail: .failedAs(failure)
            case .release: .release
            default: .extend(60_000)
            }
        return try harness.settle(id, token, outcome) == nil ? .leaseLost : .settled
    }

    private func takeNote(_ event: Event, _ harness: EngineHarness) throws -> Answer {
        let isHeld = try harness.turn { rows in
            switch event {
            case .progress:
                try harness.engine.progress(
                    id, token: token, session: 1, done: 1, message: "", rows)
            case .log: try harness.log(id, token, by: 1, ["line"], rows)
            default: try harness.checkpoint(id, token, by: 1, [1], rows)
            }
        }
        return isHeld ? .settled : .leaseLost
    }

    private func act(_ event: Event, _ harness: EngineHarness) throws -> Answer {
        try doing { rows in
            switch event {
            case .cancel: try harness.cancel(id, grace: 1_000, reason: "no", rows)
            case .retry: try harness.retry(id, keepsCounters: false, at: 0, rows)
            case .reprioritise: try harness.reprioritise(id, to: 200, rows)
            case .delete: try harness.delete(id, alsoWaiting: false, rows)
            case .purge: try harness.delete(id, alsoWaiting: true, rows)
            default: try harness.edit(id, Model.Change(priority: 200), rows)
            }
        }
    }
}
