import NIOCore
import Store

// Commit and reply. What is applied while the log has as many turns as it takes becomes the next together.
extension BrokerLoop {
    /// A lone turn is written by another thread after an append that took longer, in nanoseconds: while the disk is
    /// slow, others are not to wait for the loop, and changing threads costs a fraction of what they would.
    private static let slowAppend: UInt64 = 1_000_000

    /// Whether a turn may be applied now. A checkpoint comes first: it needs all that was applied to be in the log, and
    /// the one before it to be on the disk.
    var mayApply: Bool {
        guard !store.awaitsFlush else { return false }
        guard !writing.isEmpty else { return true }
        guard !isCheckpointDue(clock.now) else { return false }
        guard let appliedAhead else { return true }
        return store.turnBytes < BrokerLoop.turnBytesMax
            && store.turnRows < BrokerLoop.changedRowsMax
            && appliedAhead.replyBytes < BrokerLoop.replyBytesMax
    }

    /// Makes a turn durable, with those that wait already.
    func commit(_ applied: AppliedTurn) throws {
        if appliedAhead == nil { appliedAhead = applied } else { appliedAhead?.join(applied) }
        if let durable = try begin(awaitingLone: !isDiskSlow) { try finish([durable]) }
    }

    private var isDiskSlow: Bool { disk.areThere && lastAppend > BrokerLoop.slowAppend }

    /// Has what was applied written, if the log takes it now.
    /// - Parameter awaitingLone: whether a lone turn is written before this returns.
    /// - Returns: the turn when it is durable.
    private func begin(awaitingLone: Bool) throws -> AppliedTurn? {
        guard store.mayBeginCommit, var turn = appliedAhead else { return nil }
        appliedAhead = nil
        let time = TurnWatch.now()
        guard let append = try store.beginCommit(now: turn.now) else {
            turn.times.commit = TurnWatch.now() - time
            return turn
        }
        guard writing.isEmpty, isStopping || awaitingLone && turn.isLone else {
            let ticket = writing.begin(turn, at: time)
            disk.write(append, then: inbox.loop) { error in self.written(ticket, error) }
            return nil
        }
        try store.endCommit(append.write())
        turn.times.commit = TurnWatch.now() - time
        lastAppend = turn.times.commit
        return turn
    }

    /// Answers everybody, and then begins a checkpoint if one is due.
    private func finish(_ durable: [AppliedTurn]) throws {
        for turn in durable { send(turn.replies) }
        guard var last = durable.last else { return }
        for turn in durable.dropLast() { note(turn.times) }
        let answered = TurnWatch.now()
        if writing.isEmpty, appliedAhead == nil { try checkpoint(last.now) }
        last.times.checkpoint = TurnWatch.now() - answered
        note(last.times)
    }

    /// The log has room for another turn, which begins its way there before this one is answered: the disk is what
    /// everybody waits for.
    private func written(_ ticket: TurnsUnderWay.Ticket, _ outcome: Int32) {
        guard !hasEnded else { return }
        writing.end(ticket, at: TurnWatch.now())
        do {
            // Nothing is answered any more: an earlier write may have failed with this one.
            if outcome != 0 { try store.endCommit(outcome) }
            var durable: [AppliedTurn] = []
            while let turn = writing.next() {
                try store.endCommit(0)
                lastAppend = turn.times.commit
                durable.append(turn)
            }
            if let next = try begin(awaitingLone: false) { durable.append(next) }
            try finish(durable)
        } catch {
            return end(error)
        }
        goOn()
    }

    /// A checkpoint is on the disk.
    func written(_ flush: Flush) {
        guard !isStopping else { return }
        do {
            try store.endCheckpoint(flush)
            if writing.isEmpty, appliedAhead == nil { try checkpoint(clock.now) }
        } catch {
            return end(error)
        }
        goOn()
    }

    private func goOn() {
        if isStopping {
            if writing.isEmpty { end() }
        } else if isTurnWanted {
            takeTurn()
        } else {
            awaitNext()
        }
    }
}
