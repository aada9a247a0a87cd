import NIOCore
import Store

// Commit and reply. What is applied while the log has as many turns as it takes becomes the next together.
extension BrokerLoop {
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
        if let unchanged = try begin() { try finish([unchanged]) }
    }

    /// Has what was applied written, if the log takes it now.
    /// - Returns: the turn when it is durable already.
    private func begin() throws -> AppliedTurn? {
        guard store.mayBeginCommit, var turn = appliedAhead else { return nil }
        appliedAhead = nil
        let time = TurnWatch.now()
        guard let append = try store.beginCommit(now: turn.now) else {
            turn.times.commit = TurnWatch.now() - time
            return turn
        }
        guard disk.areThere else {
            try store.endCommit(append.write())
            turn.times.commit = TurnWatch.now() - time
            return turn
        }
        let ticket = writing.begin(turn, at: time)
        if appends?.begin(append, number: ticket) != true {
            disk.write(append, then: inbox.loop) { error in self.written([(ticket, error)]) }
        }
        return nil
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

    /// The kernel has carried out some of the appends.
    func appendsEnded() {
        guard let ended = appends?.takeEnded(), !ended.isEmpty else { return }
        written(ended)
    }

    /// The log has room for another turn, which begins its way there before these are answered: the disk is what
    /// everybody waits for.
    private func written(_ ended: [(number: UInt64, error: Int32)]) {
        guard !hasEnded else { return }
        do {
            let time = TurnWatch.now()
            for (ticket, error) in ended {
                writing.end(ticket, at: time)
                // Nothing is answered any more: an earlier write may have failed with this one.
                if error != 0 { try store.endCommit(error) }
            }
            var durable: [AppliedTurn] = []
            while let turn = writing.next() {
                try store.endCommit(0)
                durable.append(turn)
            }
            if let unchanged = try begin() { durable.append(unchanged) }
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
