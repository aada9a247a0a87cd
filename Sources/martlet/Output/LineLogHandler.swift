import ArgumentParser
import Foundation
import Logging
import MartletClient

/// Writes each event as one line to standard error, with one system call: lines of several threads
/// never mix.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level
    private let format: Format
    private let terminal = Terminal.error

    init(level: Logger.Level, format: Format) {
        logLevel = level
        self.format = format
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = "\(error)" }
        let line =
            switch format {
            case .text: text(event, all)
            case .json: json(event, all)
            }
        StandardError.write(line + "\n")
    }

    /// `2026-11-21T22:55:24.123Z notice  recovered  turns=12 seconds=0.03`
    private func text(_ event: LogEvent, _ metadata: Logger.Metadata) -> String {
        let level = event.level.rawValue
        let padded = level + String(repeating: " ", count: max(0, 8 - level.count))
        var line =
            "\(Date.now.rfc3339) \(terminal.styled(padded, style(of: event.level)))\(event.message)"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let said = "\(value)"
            line += "  \(key)=" + (said.contains(" ") ? "\"\(said)\"" : said)
        }
        return line.split(separator: "\n").joined(separator: " ")
    }

    private func json(_ event: LogEvent, _ metadata: Logger.Metadata) -> String {
        var object = JSONObject()
        object.set("time", Date.now.rfc3339)
        object.set("level", event.level.rawValue)
        object.set("message", event.message.description)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            object.set(key, value.description)
        }
        return object.text
    }

    private func style(of level: Logger.Level) -> Terminal.Style {
        switch level {
        case .critical, .error: .red
        case .warning: .yellow
        default: .dim
        }
    }

    enum Format: String, ExpressibleByArgument {
        case text, json
    }
}
