import MartletClient

/// An event as the command line shows it.
enum EventReport {
    static func write(_ event: JobEvents.Event, json: Bool) {
        if event.missed > 0 {
            let events = event.missed == 1 ? "event was" : "events were"
            StandardError.complain("\(Quantity.grouped(event.missed)) \(events) missed.")
        }
        StandardOutput.write(line: json ? EventJSON(event).object.text : text(event))
    }

    /// Columns of fixed width, since nobody knows what comes next.
    private static func text(_ event: JobEvents.Event) -> String {
        let kind = event.kind.rawValue
        let padding = String(repeating: " ", count: max(0, 16 - kind.count))
        var line =
            "\(event.at.rfc3339)  \(event.id)  \(kind)\(padding)  \(event.queue)  \(event.type)"
        if event.attempt > 0 { line += "  attempt \(event.attempt)" }
        if let progress = event.progress { line += "  \(progress.text)" }
        if let worker = event.worker { line += "  at \(worker)" }
        if let error = event.error { line += "  \(error.split(separator: "\n").first ?? "")" }
        return line
    }
}

extension JobStatus.Progress {
    /// `50%  decoded`
    var text: String {
        let percent = "\(Int((fraction * 100).rounded(.down)))%"
        return message.isEmpty ? percent : "\(percent)  \(message)"
    }
}
