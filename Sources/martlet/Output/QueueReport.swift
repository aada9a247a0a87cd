import Foundation
import MartletClient

/// Queues as the command line shows them: JSON lines at once, or columns at the end.
struct QueueReport {
    private let json: Bool
    private var table = Table([
        .text("QUEUE"), .number("READY"), .number("RUNNING"), .number("SCHEDULED"), .number("DEAD"),
        .number("COMPLETED"), .number("OLDEST"), .text("STATE"),
    ])

    init(json: Bool) {
        self.json = json
    }

    mutating func add(_ queue: QueueStatus) {
        if json {
            return StandardOutput.write(line: QueueJSON(queue, now: .now).object.text)
        }
        let counts = [queue.ready, queue.running, queue.scheduled, queue.dead, queue.completed]
        let oldest = queue.oldestReadyAt.map {
            Quantity.age(seconds: max(0, -$0.timeIntervalSinceNow))
        }
        table.add(
            [queue.name] + counts.map { Quantity.grouped($0) } + [oldest ?? "–", queue.mood])
    }

    func write() {
        if !json { table.write() }
    }
}

extension QueueStatus {
    /// What it was told to stop doing, if anything.
    fileprivate var mood: String {
        let told = [paused == nil ? nil : "paused", drainingSince == nil ? nil : "draining"]
        let words = told.compactMap { $0 }
        return words.isEmpty ? "active" : words.joined(separator: ", ")
    }
}
