import ArgumentParser
import Logging

/// How much is logged to standard error, and in which form.
struct LogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical (MARTLET_LOG_LEVEL; default notice).",
            valueName: "level"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp(
            "text or json, one object per line (MARTLET_LOG_FORMAT; default text).",
            valueName: "format"))
    var logFormat: String?

    var given: [Settings.Key: String?] { [.logLevel: logLevel, .logFormat: logFormat] }

    /// The logger of a process whose settings are `settings`.
    static func logger(_ settings: Settings) throws -> Logger {
        let level = try settings.value(.logLevel, as: LogLevel.self)?.level ?? .notice
        let format = try settings.value(.logFormat, as: LineLogHandler.Format.self) ?? .text
        return Logger(label: "martlet") { _ in LineLogHandler(level: level, format: format) }
    }
}

/// A level by its name.
struct LogLevel: ExpressibleByArgument {
    let level: Logger.Level

    init?(argument: String) {
        guard let level = Logger.Level(rawValue: argument) else { return nil }
        self.level = level
    }
}
