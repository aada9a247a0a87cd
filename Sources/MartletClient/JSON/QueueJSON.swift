package import Foundation

/// A queue's counters as the command line and HTTP show them. The names are part of the interface:
/// they may be added to, never changed.
package struct QueueJSON: Sendable {
    private let queue: QueueStatus
    private let now: Date

    /// - Parameter now: when the age of the oldest ready job is taken.
    package init(_ queue: QueueStatus, now: Date) {
        self.queue = queue
        self.now = now
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("name", queue.name)
        object.set("ready", queue.ready)
        object.set("running", queue.running)
        object.set("scheduled", queue.scheduled)
        object.set("held", queue.held)
        object.set("dead", queue.dead)
        object.set("completed", queue.completed)
        object.set("retained", queue.retained)
        object.set("cancelled", queue.cancelled)
        object.set("expired", queue.expired)
        object.set("subscribers", queue.subscribers)
        object.set("oldest_ready_age_seconds", oldestReadyAge)
        object.set("waiting_bytes", queue.waitingBytes)
        object.set("payloads", payloads)
        object.set("totals", totals)
        object.set("last_minute", rates)
        object.set("paused", paused)
        object.set("draining_since", queue.drainingSince)
        object.set("settings", QueueSettingsJSON(queue.options).object)
        return object
    }

    /// Jobs since the queue exists.
    private var totals: JSONObject {
        var object = JSONObject()
        object.set("submitted", queue.totals.submitted)
        object.set("completed", queue.totals.completed)
        object.set("died", queue.totals.died)
        object.set("cancelled", queue.totals.cancelled)
        object.set("expired", queue.totals.expired)
        return object
    }

    /// Bytes of the payloads since the queue exists.
    private var payloads: JSONObject {
        var object = JSONObject()
        object.set("raw_bytes", queue.payloads.raw)
        object.set("carried_bytes", queue.payloads.carried)
        return object
    }

    private var rates: JSONObject {
        var object = JSONObject()
        object.set("submitted", queue.rates.submitted)
        object.set("completed", queue.rates.completed)
        object.set("failed", queue.rates.failed)
        return object
    }

    /// Why nothing is delivered; `nil` while deliveries go on.
    package var paused: JSONObject? {
        guard let paused = queue.paused else { return nil }
        var object = JSONObject()
        object.set("since", paused.since)
        object.set("by", paused.by)
        object.set("reason", paused.reason)
        return object
    }

    /// Seconds since the job at the head of the queue was submitted; `nil` when none is ready. Two
    /// machines' clocks may differ: it is never negative.
    private var oldestReadyAge: Double? {
        queue.oldestReadyAt.map { max(0, (now.timeIntervalSince($0) * 1_000).rounded() / 1_000) }
    }
}
