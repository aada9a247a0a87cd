import MartletWire
import NIOCore

/// What all connections of a stage share, and when it is over.
///
/// Belongs to the event loop that runs the stage.
final class LoadStage {
    var progress: LoadProgress

    private let loop: any EventLoop
    private let over: EventLoopPromise<Void>
    private var isOver = false

    init(_ plan: LoadPlan, ledger: DeliveryLedger, on loop: any EventLoop) {
        progress = LoadProgress(plan, ledger: ledger)
        self.loop = loop
        over = loop.makePromise()
    }

    var whenOver: EventLoopFuture<Void> { over.futureResult }

    /// Looks whether it is over; called once for everything that came in one read.
    func check(at now: UInt64) {
        if !isOver, progress.isOver(at: now) { end(.success(())) }
    }

    func fail(_ error: any Error) { end(.failure(error)) }

    /// Ends the stage when nothing has happened for that long: what was not delivered then, is lost.
    func watch(everyMilliseconds interval: Int) {
        let seen = progress.events
        loop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(interval))) { [weak self] in
            guard let self, !isOver else { return }
            if progress.events == seen {
                stalled(after: interval)
            } else {
                watch(everyMilliseconds: interval)
            }
        }
    }

    private func stalled(after milliseconds: Int) {
        guard progress.unanswered > 0 else { return end(.success(())) }
        let requests = progress.unanswered.grouped
        fail(
            BenchError.stalled("\(requests) requests had no answer for \(milliseconds.grouped) ms"))
    }

    private func end(_ result: Result<Void, any Error>) {
        guard !isOver else { return }
        isOver = true
        over.completeWith(result)
    }
}
