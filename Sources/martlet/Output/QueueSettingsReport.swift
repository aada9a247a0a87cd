import Foundation
import MartletClient

/// What one queue was told.
struct QueueSettingsReport {
    private let queue: QueueStatus

    init(_ queue: QueueStatus) {
        self.queue = queue
    }

    func write(json: Bool) {
        if json {
            var object = QueueSettingsJSON(queue.options).object
            let all = QueueJSON(queue, now: .now)
            object.set("name", queue.name)
            object.set("paused", all.paused)
            object.set("draining_since", queue.drainingSince)
            return StandardOutput.write(line: object.text)
        }
        let (options, defaults) = (queue.options, queue.options.defaults ?? JobOptions())
        Fields.write([
            ("queue", queue.name), ("paused", queue.paused?.text ?? "no"),
            ("draining", queue.drainingSince.map(\.since) ?? "no"),
            ("order", (options.order ?? .firstInFirstOut).rawValue),
            ("depth max", options.depthMax.limit { Quantity.grouped($0) }),
            ("bytes max", options.bytesMax.limit { Quantity.bytes($0) }),
        ])
        Fields.write(fields(of: defaults))
    }

    private func fields(of defaults: JobOptions) -> [(String, String?)] {
        [
            ("default priority", defaults.priority.map { "\($0)" }),
            ("default expires", defaults.expires.map { Quantity.time($0) }),
            ("default timeout", defaults.timeout.map { Quantity.time($0) }),
            ("default max attempts", defaults.maxAttempts.map { "\($0)" }),
            ("default max crashes", defaults.maxCrashes.map { "\($0)" }),
            ("default max interruptions", defaults.maxInterruptions.map { "\($0)" }),
            ("default backoff", defaults.backoff.map(\.text)),
            ("default retain completed", defaults.retainCompleted.map { Quantity.time($0) }),
            ("default retain dead", defaults.retainDead.map { Quantity.time($0) }),
            ("default retain cancelled", defaults.retainCancelled.map { Quantity.time($0) }),
            ("default retain expired", defaults.retainExpired.map { Quantity.time($0) }),
        ]
    }
}

extension UInt64? {
    /// In settings, zero is no limit.
    fileprivate func limit(_ text: (UInt64) -> String) -> String {
        guard let self, self > 0 else { return "none" }
        return text(self)
    }
}
