import NIOCore
import Store

/// A turn that was applied and is not durable yet.
struct AppliedTurn {
    private(set) var now: UInt64
    /// To be sent when it is durable.
    private(set) var replies: [Delivery]
    var times: TurnTimes
    /// A single request, if any, that waits for the disk: nothing is gained by going on while it is written, and two
    /// changes of threads are lost.
    private(set) var isLone: Bool
    var writeBegan: UInt64 = 0

    /// Bytes that are held back until it is durable.
    private(set) var replyBytes: Int

    init(now: UInt64, replies: [Delivery], times: TurnTimes, isLone: Bool) {
        self.now = now
        self.replies = replies
        self.times = times
        self.isLone = isLone
        replyBytes = replies.reduce(0) { $0 + $1.byteCount }
    }

    /// Makes one turn for the log of both.
    mutating func join(_ next: AppliedTurn) {
        now = next.now
        replies += next.replies
        replyBytes += next.replyBytes
        times.apply += next.times.apply
        times.work += next.times.work
        isLone = false
    }
}

// Commit and reply. The log has one turn at a time; those that are applied meanwhile become the next together.
extension BrokerLoop {
    /// Whether a turn may be applied now. A checkpoint comes first: it needs all that was applied to be in the log, and
    /// the one before it to be on the disk.
    var mayApply: Bool {
        guard !store.awaitsFlush else { return false }
        guard writing != nil else { return true }
        guard !isCheckpointDue(clock.now) else { return false }
        guard let appliedAhead else { return true }
        return store.turnBytes < BrokerLoop.turnBytesMax
            && store.turnRows < BrokerLoop.changedRowsMax
            && appliedAhead.replyBytes < BrokerLoop.replyBytesMax
    }

    func commit(_ applied: AppliedTurn) throws {
        var turn = applied
        guard try begin(&turn, waiting: turn.isLone || isStopping) else { return try finish(turn) }
    }

    /// - Parameter waiting: whether the turn is written before this returns.
    /// - Returns: whether the turn is being written; false: it is durable.
    private func begin(_ turn: inout AppliedTurn, waiting: Bool) throws -> Bool {
        turn.writeBegan = TurnWatch.now()
        defer { turn.times.commit = TurnWatch.now() - turn.writeBegan }
        guard let append = try store.beginCommit(now: turn.now) else { return false }
        guard !waiting else {
            try store.endCommit(append.write())
            return false
        }
        writing = turn
        disk.write(append, then: inbox.loop) { error in self.written(error) }
        return true
    }

    private func finish(_ turn: AppliedTurn) throws {
        var times = turn.times
        let committed = TurnWatch.now()
        send(turn.replies)
        if writing == nil, appliedAhead == nil { try checkpoint(turn.now) }
        times.checkpoint = TurnWatch.now() - committed
        note(times)
    }

    /// The log is free again. The next turn begins its way there before this one is answered: the disk is what
    /// everybody waits for.
    private func written(_ error: Int32) {
        guard var turn = writing else { preconditionFailure("nothing is being written") }
        writing = nil
        guard !hasEnded else { return }
        turn.times.commit = TurnWatch.now() - turn.writeBegan
        do {
            try store.endCommit(error)
            guard var next = appliedAhead else {
                try finish(turn)
                return goOn()
            }
            appliedAhead = nil
            let isBegun = try begin(&next, waiting: isStopping)
            try finish(turn)
            if !isBegun { try finish(next) }
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
            if writing == nil, appliedAhead == nil { try checkpoint(clock.now) }
        } catch {
            return end(error)
        }
        goOn()
    }

    private func goOn() {
        if isStopping {
            if writing == nil { end() }
        } else if isTurnWanted {
            takeTurn()
        } else {
            awaitNext()
        }
    }
}
