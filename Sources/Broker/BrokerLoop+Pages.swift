import Engine
import Logging
import MartletWire
import NIOCore
import Store

// Pages, read from a snapshot on another thread: they never slow the turn. They are what checkpoints are made for while
// little changes.

extension BrokerLoop {
    func list(_ message: List, _ request: Request) throws {
        guard request.id != 0 else { return }
        if !message.queue.isEmpty { try Names.check(queue: message.queue) }
        let page = JobListRequest(
            filter(message.filter, queue: message.queue, states: message.states),
            oldestFirst: message.order == .oldestFirst, limit: Int(message.limit),
            after: try message.cursorJob(), countsOnly: message.isCount)
        try read(request, afterCheckpoint: message.isFresh) { [workers] snapshot in
            JobPage(try JobInspector.list(page, snapshot), workers)
        }
    }

    func groups(_ message: Groups, _ request: Request) throws {
        guard request.id != 0 else { return }
        if !message.queue.isEmpty { try Names.check(queue: message.queue) }
        let queue = message.queue.isEmpty ? nil : message.queue
        let (limit, cursor) = (Int(message.limit), try message.cursorGroup())
        try read(request, afterCheckpoint: true) { snapshot in
            GroupPage(
                try JobInspector.deadGroups(queue: queue, limit: limit, after: cursor, snapshot))
        }
    }

    /// Answers from a snapshot.
    /// - Parameter afterCheckpoint: whether it must hold every turn before this one.
    func read(
        _ request: Request, afterCheckpoint: Bool = false,
        _ body: @escaping @Sendable (borrowing Snapshot) throws -> some Message
    ) throws {
        guard request.id != 0 else { return }
        guard readers.waitingCount + waitingReads.count < SnapshotReaders.waitingMax else {
            throw tooManyWaits(limit: SnapshotReaders.waitingMax)
        }
        let read = readers.read(
            port: request.peer.connection.port, channel: request.peer.channel,
            requestID: request.id, lease: request.peer.lease, body)
        let isRecent = (store.oldestWaiting ?? .max) > engine.now - BrokerLoop.snapshotMilliseconds
        if afterCheckpoint || !isRecent {
            waitingReads.append(read)
        } else {
            readers.start(read, from: store)
        }
    }

    /// Begins what has waited for a checkpoint, if there is none to wait for.
    func startWaitingReads() {
        guard !waitingReads.isEmpty, store.oldestWaiting == nil else { return }
        for read in waitingReads { readers.start(read, from: store) }
        waitingReads.removeAll()
    }
}

extension List {
    /// The cursor is the id of the last job that the page before looked at.
    fileprivate func cursorJob() throws -> UInt64? {
        guard !cursor.isEmpty else { return nil }
        guard let id = JobID(String(decoding: cursor, as: UTF8.self)), id.rawValue > 0 else {
            throw WireError.cursorInvalid()
        }
        return id.rawValue
    }
}

extension Groups {
    /// The cursor names the last group of the page before.
    fileprivate func cursorGroup() throws -> DeadGroupPage.Cursor? {
        guard !cursor.isEmpty else { return nil }
        let numbers = String(decoding: cursor, as: UTF8.self).split(separator: ".")
        guard numbers.count == 2, let queue = UInt32(numbers[0]),
            let fingerprint = UInt64(numbers[1])
        else { throw WireError.cursorInvalid() }
        return DeadGroupPage.Cursor(queue: queue, fingerprint: fingerprint)
    }
}

extension WireError {
    static func cursorInvalid() -> WireError {
        WireError(.cursorInvalid, "the cursor is not one that this server gave; begin without one")
    }
}

extension JobPage {
    /// - Parameter workers: by session.
    fileprivate init(_ page: JobListPage, _ workers: [UInt64: String]) {
        self.init(
            asOf: page.asOf, matched: UInt32(page.matched),
            jobs: page.jobs.map {
                var job = JobInfo($0.job, queue: $0.queue)
                job.worker = job.session.flatMap { workers[$0] }
                return job
            },
            cursor: page.next.map { Array(JobID(rawValue: $0).description.utf8) } ?? [])
    }
}

extension GroupPage {
    fileprivate init(_ page: DeadGroupPage) {
        self.init(
            asOf: page.asOf, groups: page.groups.map { ErrorGroup($0) },
            cursor: page.next.map { Array("\($0.queue).\($0.fingerprint)".utf8) } ?? [])
    }
}

extension ErrorGroup {
    fileprivate init(_ group: DeadGroup) {
        self.init(
            queue: group.queue, fingerprint: group.fingerprint, jobs: group.jobs,
            firstSeen: group.firstSeen, lastSeen: group.lastSeen,
            example: JobID(rawValue: group.example), errorClass: group.errorClass,
            message: group.message)
    }
}
