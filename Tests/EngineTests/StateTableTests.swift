import Store
import TestSupport
import Testing

@testable import Engine

/// What the protocol's document says of every event in every state is what the engine does.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct StateTableTests {
    private static let table = Result { try StateTable() }

    @Test func `the document's table is found`() throws {
        let cells = try StateTableTests.table.get().cells
        #expect(cells.count == Event.allCases.count * 7)
        #expect(Set(cells.map(\.event)) == Set(Event.allCases.map(\.rawValue)))
        let conditions = Set(cells.flatMap(\.clauses).compactMap(\.condition))
        #expect(conditions == Set(Condition.allCases.map(\.rawValue)))
    }

    @Test(arguments: (try? StateTableTests.table.get().cells) ?? [])
    func `each event does in each state what the document says`(_ cell: StateTable.Cell) throws {
        let event = try #require(Event(rawValue: cell.event))
        guard !cell.text.isEmpty else { return try checkImpossible(event, cell.state) }
        for clause in try clauses(of: cell) {
            let condition = try clause.condition.map { try #require(Condition(rawValue: $0)) }
            guard condition.map({ $0.isPossible(for: event) }) ?? true else { continue }
            try check(event, cell.state, condition, clause.outcome)
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

    /// What cannot be changes nothing.
    private func checkImpossible(_ event: Event, _ state: JobState) throws {
        let life = try JobLife(state, for: event, nil)
        let before = try life.sight()
        try life.provoke(event)
        #expect(try life.sight() == before)
    }

    private func check(
        _ event: Event, _ state: JobState, _ condition: Condition?, _ outcome: String
    ) throws {
        let life = try JobLife(state, for: event, condition)
        let before = try life.sight()
        let answer = try life.provoke(event)
        if event == .cancel, condition != nil { try life.endGrace() }
        let after = try life.sight()
        switch outcome {
        case "`LEASE_LOST`":
            #expect(answer == .leaseLost)
            #expect(after == before)
        case "`JOB_FINISHED`":
            #expect(answer == .acted(.isFinished(state)))
            #expect(after == before)
        case "`JOB_STATE`":
            #expect(answer == .acted(.isInState(state)))
            #expect(after == before)
        case "=":
            #expect(answer == .acted(.done(state)) || answer == .none)
            #expect(after == before)
        case "edited":
            #expect(answer == .acted(.done(state)))
            #expect(after?.state == state && after?.priority == 200)
        case "gone": #expect(after == nil)
        default: #expect(after.map { "\($0.state)" } == outcome)
        }
        if event.isCrash { #expect(after?.crashes == 1) }
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

    var isCrash: Bool { self == .leaseEnd || self == .workerGone }
}

/// What the table makes an outcome depend on.
private enum Condition: String, CaseIterable {
    case last = "it was the last"
    case discard = "says discard"
    case cancelPending = "a cancel is pending"
    case tooOld = "its time to live is over"
    case limit = "its limit is reached"
    case ended = "the attempt or the grace ends"

    func isPossible(for event: Event) -> Bool { self != .discard || event == .fail }
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
