import Engine
import MartletWire
import NIOCore
import Store

// What is done to all jobs that match.

extension BrokerLoop {
    func actAll(_ message: ActAll, _ request: Request, _ rows: borrowing Transaction) throws {
        if !message.queue.isEmpty { _ = try known(queue: message.queue) }
        let begun = try engine.begin(
            EngineAction(message.action, message.options),
            on: filter(message.filter, queue: message.queue, states: message.states),
            rate: message.options.rate ?? 0, rows)
        guard let begun else { throw WireError.tooManyActions() }
        reply(ActionInfo(begun), to: request)
    }

    func actionGet(_ message: ActionGet, _ request: Request, _ rows: borrowing Transaction) throws {
        let id = message.action
        let found =
            message.stops
            ? try engine.stopBulkAction(id, rows) : try engine.bulkAction(id, rows)
        guard let found else { throw WireError.actionNotFound(id) }
        guard found.progress == .goingOn, message.waitMilliseconds > 0 else {
            return reply(ActionInfo(found), to: request)
        }
        try checkWaits()
        actionWaits.add(
            Waits.Wait(
                peer: request.peer, requestID: request.id, withPayload: false, withResult: false,
                deadline: engine.now + UInt64(message.waitMilliseconds)),
            for: id)
    }

    /// Answers those whose action has ended, and those who have waited long enough.
    func answerActionWaits(_ now: UInt64, _ rows: borrowing Transaction) throws {
        guard actionWaits.count > 0 else { return }
        var over: [(UInt64, Waits.Wait)] = []
        for id in engine.endedActions {
            for wait in actionWaits.take(id) { over.append((id, wait)) }
        }
        if let deadline = actionWaits.nextDeadline, deadline <= now {
            actionWaits.remove(where: { $0.deadline <= now }) {
                over.append(($0, $1))
            } unwatched: { _ in
            }
        }
        for (id, wait) in over {
            let request = Request(peer: wait.peer, id: wait.requestID)
            if let action = try engine.bulkAction(id, rows) {
                reply(ActionInfo(action), to: request)
            } else {
                reply(WireError.actionNotFound(id), to: request)
            }
        }
    }
}

extension ActionInfo {
    init(_ action: BulkAction) {
        self.init(
            id: action.id, action: .init(action.action.kind), state: .init(action.progress),
            seen: action.looked, changed: action.changed, refused: action.refused,
            startedAt: action.startedAt, finishedAt: action.finishedAt)
    }
}

extension MartletWire.JobAction {
    fileprivate init(_ kind: EngineAction.Kind) {
        switch kind {
        case .cancel: self = .cancel
        case .retry: self = .retry
        case .delete: self = .delete
        case .reprioritise: self = .reprioritise
        case .purge: self = .purge
        }
    }
}

extension ActionInfo.State {
    fileprivate init(_ progress: BulkAction.Progress) {
        switch progress {
        case .goingOn: self = .running
        case .done: self = .done
        case .stopped: self = .stopped
        }
    }
}
