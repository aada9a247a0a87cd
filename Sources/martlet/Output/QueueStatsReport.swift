import Foundation
import MartletClient

/// All that is counted of one queue.
struct QueueStatsReport {
    private let queue: QueueStatus
    private let times: [QueueTimes]

    init(_ queue: QueueStatus, _ times: [QueueTimes]) {
        self.queue = queue
        self.times = times
    }

    func write(json: Bool) {
        if json {
            var object = QueueJSON(queue, now: .now).object
            object.set("times", times.map { QueueTimesJSON($0).object })
            return StandardOutput.write(line: object.text)
        }
        Fields.write(fields)
        guard !times.isEmpty else { return }
        StandardOutput.write(line: "")
        timesTable.write()
    }

    private var fields: [(String, String?)] {
        let age = queue.oldestReadyAt.map {
            Quantity.age(seconds: max(0, -$0.timeIntervalSinceNow))
        }
        let counts = [
            ("ready", queue.ready), ("running", queue.running), ("scheduled", queue.scheduled),
            ("held", queue.held), ("completed, kept", queue.retained), ("dead", queue.dead),
            ("cancelled", queue.cancelled), ("expired", queue.expired),
            ("subscribers", queue.subscribers),
        ]
        let (totals, rates) = (queue.totals, queue.rates)
        return [("queue", queue.name)] + counts.map { ($0, Quantity.grouped($1)) } + [
            ("oldest ready", age), ("waiting payloads", Quantity.bytes(queue.waitingBytes)),
            (
                "last minute",
                counted([
                    ("submitted", rates.submitted), ("completed", rates.completed),
                    ("failed", rates.failed),
                ])
            ),
            (
                "in all",
                counted([
                    ("submitted", totals.submitted), ("completed", totals.completed),
                    ("died", totals.died), ("cancelled", totals.cancelled),
                    ("expired", totals.expired),
                ])
            ),
            ("payloads in all", payloads), ("paused", queue.paused?.text),
            ("draining", queue.drainingSince.map(\.since)),
        ]
    }

    /// `258.0 kB raw, 75.1 kB as stored (3.4 times smaller)`
    private var payloads: String {
        let (raw, carried) = (queue.payloads.raw, queue.payloads.carried)
        let sizes = "\(Quantity.bytes(raw)) raw, \(Quantity.bytes(carried)) as stored"
        guard carried > 0, raw > carried else { return sizes }
        return sizes + " (\(Quantity.ratio(raw, carried)) times smaller)"
    }

    /// `3 submitted, 2 completed`
    private func counted(_ counts: [(String, Int)]) -> String {
        counts.map { "\(Quantity.grouped($1)) \($0)" }.joined(separator: ", ")
    }

    private var timesTable: Table {
        var table = Table([
            .text("TYPE"), .number("JOBS"), .number("WAIT P50"), .number("P99"),
            .number("RUN P50"), .number("P99"), .number("TOTAL P50"), .number("P99"),
        ])
        for type in times {
            let percentiles = [type.wait, type.run, type.total].flatMap {
                [$0.percentile(50), $0.percentile(99)]
            }
            table.add(
                [type.type.isEmpty ? "others" : type.type, Quantity.grouped(type.total.count)]
                    + percentiles.map { $0.map { Quantity.time($0) } ?? "–" })
        }
        return table
    }
}

extension Date {
    /// `since 2026-11-22T10:00:00.000Z`
    var since: String { "since \(rfc3339)" }
}

extension QueueStatus.Pause {
    /// Since when, by whom and why.
    var text: String {
        var text = since.since
        if !by.isEmpty { text += " by \(by)" }
        if !reason.isEmpty { text += ": \(reason)" }
        return text
    }
}
