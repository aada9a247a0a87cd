import MartletWire
import NIOCore

// Settlements that nobody waits for go with what comes next.
extension BrokerLoop {
    /// For how long a settlement waits for company.
    static let lingerTime = TimeAmount.milliseconds(1)
    /// With more frames than that, or more jobs in one of them, they have company enough.
    static let lingeringMax = 16

    /// Something has arrived. A turn is taken, unless it is nothing but jobs that idle workers have completed.
    ///
    /// Such a worker has credit left, and there are no jobs for it; nor does anybody wait for a result. A turn of these
    /// alone is a write to the log that the next submission would find the disk busy with. So they wait for it, for
    /// `lingerTime` at most: where jobs come one by one the log is written once a job, and not twice. Where there is a
    /// backlog, workers have no credit left, and nothing is put off.
    ///
    /// Also known as a commit delay (PostgreSQL's `commit_delay`, with its `commit_siblings`).
    func arrived() {
        guard !isStopping, !hasMore, !isTurnWanted else { return takeTurn() }
        let areLingering = areArrivalsNew
        inbox.drain(into: &arrivals)
        areArrivalsNew = !arrivals.isEmpty
        guard areArrivalsNew, mayLinger else { return takeTurn() }
        if !areLingering { beginLingering() }
    }

    private var mayLinger: Bool {
        guard waits.count == 0, actionWaits.count == 0, watchers.isEmpty else { return false }
        var framesLeft = BrokerLoop.lingeringMax
        return arrivals.allSatisfy { mayLinger($0, &framesLeft) }
    }

    private func mayLinger(_ arrival: Arrival, _ framesLeft: inout Int) -> Bool {
        guard case .frames(let id, let runs) = arrival, let connection = connections[id] else {
            return false
        }
        for var run in runs {
            while let frame = run.readFrame() {
                framesLeft -= 1
                guard framesLeft >= 0, connection.peers[frame.header.channel]?.isIdleWorker == true,
                    frame.completesFewJobs
                else { return false }
            }
        }
        return true
    }

    private func beginLingering() {
        linger.end = inbox.loop.now + BrokerLoop.lingerTime
        if !linger.isTimed { setLingerTimer() }
    }

    /// One timer at a time, which goes off and is set again: taking one back costs more.
    private func setLingerTimer() {
        linger.isTimed = true
        inbox.loop.assumeIsolated().scheduleTask(deadline: linger.end) {
            self.linger.isTimed = false
            guard self.areArrivalsNew else { return }
            if self.linger.end > self.inbox.loop.now {
                self.setLingerTimer()
            } else {
                self.takeTurn()
            }
        }
    }
}

extension Frame {
    /// Whether it settles jobs, a few, which are all done: others may have to be given to somebody else. What can't be
    /// read is for a turn to refuse.
    fileprivate var completesFewJobs: Bool {
        guard header.opcode == Opcode.settle.rawValue, !header.flags.contains(.more),
            let count: UInt16 = body.getInteger(at: body.readerIndex, endianness: .little),
            count <= BrokerLoop.lingeringMax
        else { return false }
        let areCompletions = try? body.withReader { reader in
            var items = try SettleView(from: &reader, batchMax: Int(count))
            while !items.isAtEnd {
                guard try items.nextItem()?.outcome == .complete else { return false }
            }
            return true
        }
        return areCompletions == true
    }
}

/// Until when settlements wait for company.
struct Linger {
    var end = NIODeadline.distantPast
    var isTimed = false
}
