import ArgumentParser
import MartletClient

// What is said of a job when it is submitted; edited jobs and queues take some of it.

/// When a job may run.
struct DueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Not before this time from now, up to 365d (30s, 5m, 2h).", valueName: "time"))
    var delay: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "Not before this instant (2026-11-22T10:00:00Z).", valueName: "instant"))
    var runAt: Instant?

    func validate() throws {
        guard delay == nil || runAt == nil else {
            throw ValidationError("--delay and --run-at exclude each other.")
        }
        try delay?.check("--delay", atMost: .days(365))
    }

    func apply(to options: inout JobOptions) {
        options.delay = delay?.duration
        options.runAt = runAt?.date
    }
}

/// How a job stands among others, and how long it may wait and run.
struct UrgencyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("255 runs first, 0 last (default 128).", valueName: "priority"))
    var priority: Int?

    @Option(
        help: ArgumentHelp(
            "Expire unless a worker took it within this time, up to 365d.", valueName: "time"))
    var expires: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "Longest run of one attempt, up to 7d; then it has failed.", valueName: "time"))
    var timeout: TimeSpan?

    func validate() throws {
        if let priority { try Priority.check(priority) }
        try expires?.check("--expires", atMost: .days(365))
        try timeout?.check("--timeout", atMost: .days(7))
    }

    func apply(to options: inout JobOptions) {
        options.priority = priority.map { UInt8(clamping: $0) }
        options.expires = expires?.duration
        options.timeout = timeout?.duration
    }

    var isEmpty: Bool { priority == nil && expires == nil && timeout == nil }
}

enum Priority {
    static func check(_ priority: Int) throws {
        guard (0...255).contains(priority) else {
            throw ValidationError("--priority is \(priority); it can be 0 to 255.")
        }
    }
}

/// How often a job is tried, and how long it is kept.
struct AttemptOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Failures until the job is dead, 1 … 1000 (default 20).", valueName: "count"))
    var maxAttempts: Int?

    @Option(
        help: ArgumentHelp(
            "Crashes of workers until the job is dead, 1 … 1000 (default: as --max-attempts).",
            valueName: "count"))
    var maxCrashes: Int?

    @Option(
        help: ArgumentHelp(
            "Deliveries handed back unspent until the job is dead, 1 … 65535 (default: no limit).",
            valueName: "count"))
    var maxInterruptions: Int?

    @Option(
        help: ArgumentHelp(
            """
            Wait after a failure: none, fixed:10s, or exponential:base,factor,cap with full jitter \
            (default exponential:1s,2,1h).
            """,
            valueName: "backoff"))
    var backoff: BackoffArgument?

    @Option(
        help: ArgumentHelp(
            """
            How long to keep the finished job, up to 365d, by outcome \
            (default completed=1h,dead=7d,cancelled=1h,expired=1h) or for all (2d); 0: not at all.
            """,
            valueName: "times"))
    var retain: RetainArgument?

    func validate() throws {
        try check("--max-attempts", maxAttempts, 1...1000)
        try check("--max-crashes", maxCrashes, 1...1000)
        try check("--max-interruptions", maxInterruptions, 1...65_535)
        try backoff?.validate()
        try retain?.validate()
    }

    func apply(to options: inout JobOptions) {
        options.maxAttempts = maxAttempts
        options.maxCrashes = maxCrashes
        options.maxInterruptions = maxInterruptions
        options.backoff = backoff?.backoff
        retain?.apply(to: &options)
    }

    var isEmpty: Bool {
        maxAttempts == nil && maxCrashes == nil && maxInterruptions == nil && backoff == nil
            && retain == nil
    }

    private func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
        if let value, !range.contains(value) {
            throw ValidationError(
                "\(name) is \(value); it can be \(range.lowerBound) to \(range.upperBound).")
        }
    }
}

/// Words that go with a job.
struct WordOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Word of 1 … 64 bytes to find the job by; up to 8 times.", valueName: "tag"))
    var tag: [String] = []

    @Option(
        help: ArgumentHelp(
            "Reaches the worker untouched; may be repeated.", valueName: "name=value"))
    var header: [HeaderArgument] = []

    func validate() throws {
        let names = header.map { $0.name.lowercased() }
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw ValidationError("--header \(twice) is given twice.")
        }
    }

    func apply(to options: inout JobOptions) {
        options.tags = tag
        options.headers = Dictionary(uniqueKeysWithValues: header.map { ($0.name, $0.value) })
    }

    var isEmpty: Bool { tag.isEmpty && header.isEmpty }
}

/// `NAME=VALUE`, or `NAME: VALUE` as curl takes it.
struct HeaderArgument: ExpressibleByArgument {
    let name: String
    let value: String

    init?(argument: String) {
        guard let mark = argument.firstIndex(where: { $0 == "=" || $0 == ":" }),
            mark != argument.startIndex
        else { return nil }
        name = String(argument[..<mark])
        let rest = argument[argument.index(after: mark)...]
        value = argument[mark] == ":" ? String(rest.drop { $0 == " " }) : String(rest)
    }
}

extension JobOptions {
    /// Finds what is out of its range before the server is asked.
    ///
    /// - Throws: `ValidationError`.
    func validate() throws {
        do throws(MartletError) {
            _ = try onTheWire()
        } catch {
            throw ValidationError(error.message)
        }
    }
}
