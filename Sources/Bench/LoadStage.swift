import MartletWire
import NIOCore

/// What all connections of a stage share, and when it is over.
///
/// Belongs to the event loop that runs the stage.
final class LoadStage {
    var progress: LoadProgress
    let survivesKill: Bool
    private(set) var isOver = false
    private var isHalf = false

    private let loop: any EventLoop
    private let over: EventLoopPromise<Void>
    private let halfway: EventLoopPromise<Void>

    /// How often somebody is told how far it is.
    private static let pace = TimeAmount.milliseconds(200)

    init(_ plan: LoadPlan, ledger: DeliveryLedger, on loop: any EventLoop) {
        progress = LoadProgress(plan, ledger: ledger)
        survivesKill = plan.survivesKill
        self.loop = loop
        over = loop.makePromise()
        halfway = loop.makePromise()
    }

    var whenOver: EventLoopFuture<Void> { over.futureResult }

    /// Succeeds in the middle, and at the latest when it is over.
    var whenHalfway: EventLoopFuture<Void> { halfway.futureResult }

    /// Looks whether it is over; called once for everything that came in one read.
    func check(at now: UInt64) {
        if survivesKill, !isHalf, progress.share(at: now) >= 0.5 { reachHalf() }
        if !isOver, progress.isOver(at: now) { end(.success(())) }
    }

    func fail(_ error: any Error) { end(.failure(error)) }

    /// Says again and again how far it is, and ends it when its time is up though nothing comes any more.
    func tell(_ listener: @escaping (LoadProgress) -> Void) {
        loop.assumeIsolated().scheduleTask(in: LoadStage.pace) { [weak self] in
            guard let self, !isOver else { return }
            listener(progress)
            check(at: LoadClock.now())
            tell(listener)
        }
    }

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
        if !isHalf { reachHalf() }
    }

    private func reachHalf() {
        isHalf = true
        halfway.succeed()
    }
}
