import Foundation
package import MartletWire

extension QueueStatus {
    package init(_ info: QueueInfo) {
        name = info.name
        ready = Int(clamping: info.ready)
        running = Int(clamping: info.running)
        scheduled = Int(clamping: info.scheduled)
        held = Int(clamping: info.held)
        dead = Int(clamping: info.dead)
        completed = Int(clamping: info.completed)
        retained = Int(clamping: info.retained)
        cancelled = Int(clamping: info.cancelled)
        expired = Int(clamping: info.expired)
        oldestReadyAt = .orNil(protocolTime: info.oldestReadyAt)
        subscribers = Int(info.subscribers)
        waitingBytes = Int(clamping: info.waitingBytes)
        payloads = PayloadBytes(
            raw: Int(clamping: info.payloads.raw), carried: Int(clamping: info.payloads.carried))
        totals = Totals(
            submitted: Int(clamping: info.totals.submitted),
            completed: Int(clamping: info.completed), died: Int(clamping: info.totals.died),
            cancelled: Int(clamping: info.totals.cancelled),
            expired: Int(clamping: info.totals.expired))
        rates = Rates(
            submitted: Int(info.rates.submitted), completed: Int(info.rates.completed),
            failed: Int(info.rates.failed))
        paused = info.paused.map {
            Pause(since: Date(protocolTime: $0.since), by: $0.by, reason: $0.reason)
        }
        drainingSince = info.drainingSince.map { Date(protocolTime: $0) }
        options = QueueOptions(info.settings)
    }
}

extension QueueOptions {
    init(_ settings: QueueSettings) {
        self.init(
            depthMax: settings.depthMax, bytesMax: settings.bytesMax,
            order: settings.order.map {
                $0 == .lastInFirstOut ? .lastInFirstOut : .firstInFirstOut
            },
            defaults: settings.defaults.map { JobOptions($0) })
    }

    /// - Throws: `optionInvalid` for a default out of its range, or one that can't be set.
    func onTheWire() throws(MartletError) -> QueueSettings {
        let defaults = try defaults.map { (options) throws(MartletError) in
            try options.onTheWire()
        }
        if let refusal = defaults?.refusal(outside: SubmitOptions.defaultable) {
            throw MartletError(refusal)
        }
        return QueueSettings(
            depthMax: depthMax, bytesMax: bytesMax,
            order: order.map { $0 == .lastInFirstOut ? .lastInFirstOut : .firstInFirstOut },
            defaults: defaults)
    }
}
