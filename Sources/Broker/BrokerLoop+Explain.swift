import Engine
import MartletWire
import NIOCore
import Store

// Why a job does not run.

extension BrokerLoop {
    func explain(_ message: Explain, _ request: Request, _ rows: borrowing Transaction) throws {
        let found = try reading(message.id) { try engine.explain(message.id.rawValue, rows) }
        guard let found else { throw WireError.jobNotFound(message.id) }
        var reasons: [MartletWire.Explanation.Reason] = []
        if let pause = found.pause, !found.state.isFinished { reasons.append(.paused(pause)) }
        switch found.state {
        case .scheduled: reasons.append(.scheduled(found, now: engine.now))
        case .ready: reasons += waiting(found)
        case .running: reasons += running(found)
        case .held: break
        case .completed, .dead, .cancelled, .expired:
            reasons.append(.finished(found, now: engine.now))
        }
        reply(
            MartletWire.Explanation(
                id: message.id, state: MartletWire.JobState(found.state), reasons: reasons),
            to: request)
    }

    private func waiting(_ job: EngineExplanation) -> [MartletWire.Explanation.Reason] {
        var reasons: [MartletWire.Explanation.Reason] = []
        let subscribers = dispatcher.subscriberCount(job.queue)
        if subscribers == 0 {
            reasons.append(.init(.noSubscriber, sentence: "no worker subscribes to the queue"))
        } else if !dispatcher.isAnyoneHungry(job.queue) {
            reasons.append(
                .init(
                    .noCredit, number: UInt64(subscribers),
                    sentence: "none of the queue's subscribers (\(subscribers)) takes more jobs now"
                ))
        }
        let about = job.isAheadExact ? "" : "about "
        let line =
            switch job.ahead {
            case 0: "it is the next to be delivered"
            case 1: "1 job is delivered before it"
            default: "\(about)\(job.ahead.grouped) jobs are delivered before it"
            }
        reasons.append(.init(.inLine, number: job.ahead, sentence: line))
        return reasons
    }

    private func running(_ job: EngineExplanation) -> [MartletWire.Explanation.Reason] {
        var reasons: [MartletWire.Explanation.Reason] = []
        if let holder = job.holder {
            let worker = worker(of: holder.session) ?? ""
            let left = Span(from: engine.now, to: holder.leaseEnds)
            let name =
                worker.isEmpty ? "session \(String(holder.session, radix: 16))" : worker
            reasons.append(
                .init(
                    .running, since: holder.startedAt, until: holder.leaseEnds,
                    number: holder.session, detail: worker,
                    sentence: "it runs at \(name); the lease lasts \(left) more"))
            if holder.graceEnds > 0 {
                let left = Span(from: engine.now, to: holder.graceEnds)
                reasons.append(
                    .init(
                        .workerAway, until: holder.graceEnds, number: holder.session,
                        sentence: "its worker's connection broke; it has \(left) to come back"))
            }
        }
        if let cancelling = job.cancelling {
            let left = Span(from: engine.now, to: cancelling.graceEnds)
            reasons.append(
                .init(
                    .cancelling, since: cancelling.requestedAt, until: cancelling.graceEnds,
                    detail: cancelling.reason,
                    sentence: "it is being cancelled; its worker has \(left) to stop it"))
        }
        return reasons
    }
}

extension MartletWire.Explanation.Reason {
    fileprivate static func paused(_ pause: EngineSettings.Pause) -> Self {
        let detail = [pause.by, pause.reason].filter { !$0.isEmpty }.joined(separator: ": ")
        return Self(
            .queuePaused, since: pause.since, detail: detail,
            sentence: "the queue is paused" + (detail.isEmpty ? "" : " (\(detail))"))
    }

    fileprivate static func scheduled(_ job: EngineExplanation, now: UInt64) -> Self {
        let left = Span(from: now, to: job.dueAt)
        guard job.failures > 0 else {
            return Self(.delayed, until: job.dueAt, sentence: "it becomes ready in \(left)")
        }
        return Self(
            .retry, until: job.dueAt, number: UInt64(job.failures), detail: job.detail ?? "",
            sentence: "it failed\(job.why) and is tried again in \(left)")
    }

    fileprivate static func finished(_ job: EngineExplanation, now: UInt64) -> Self {
        let age = Span(from: job.finishedAt, to: now)
        let left = Span(from: now, to: job.vanishesAt)
        return Self(
            .finished, since: job.finishedAt, until: job.vanishesAt, detail: job.detail ?? "",
            sentence: "it has been \(job.state) for \(age)\(job.why), and is kept for \(left) more")
    }
}

extension EngineExplanation {
    /// The error or the reason as an aside in a sentence; empty when there is none.
    fileprivate var why: String {
        guard let line = detail?.split(separator: "\n").first else { return "" }
        return " (\(String(line).truncated(toUTF8Bytes: 200)))"
    }
}

/// A length of time as people read it, to about two digits.
private struct Span: CustomStringConvertible {
    private let milliseconds: UInt64

    init(from: UInt64, to: UInt64) { milliseconds = to > from ? to - from : 0 }

    var description: String {
        let seconds = (milliseconds + 999) / 1_000
        return switch seconds {
        case 0..<120: "\(seconds) s"
        case 120..<7_200: "\(seconds / 60) min"
        case 7_200..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
