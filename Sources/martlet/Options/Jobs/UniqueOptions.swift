import ArgumentParser
import MartletClient

/// A key that one job of the queue holds at a time.
struct UniqueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Key of 1 … 255 bytes that one job of the queue holds at a time.", valueName: "key"))
    var unique: String?

    @Option(
        help: ArgumentHelp(
            "How long the job holds its key: waiting, active (waiting or running; the default), or a time from now.",
            valueName: "scope"))
    var uniqueScope: UniqueScopeArgument?

    @Option(
        help: ArgumentHelp(
            "When the key is held: existing (print that job's id; the default), replace (a job that waits), reject.",
            valueName: "policy"))
    var onConflict: ConflictArgument?

    func validate() throws {
        guard unique != nil || (uniqueScope == nil && onConflict == nil) else {
            throw ValidationError("--unique-scope and --on-conflict go with --unique.")
        }
    }

    func apply(to options: inout JobOptions) {
        options.unique = unique.map {
            JobOptions.Unique(
                $0, scope: uniqueScope?.scope ?? .active,
                onConflict: onConflict?.conflict ?? .existing)
        }
    }
}

/// `waiting`, `active`, or a time.
struct UniqueScopeArgument: ExpressibleByArgument {
    let scope: JobOptions.Unique.Scope

    init?(argument: String) {
        switch argument {
        case "waiting": scope = .waiting
        case "active": scope = .active
        default:
            guard let span = TimeSpan(argument: argument) else { return nil }
            scope = .period(span.duration)
        }
    }
}

enum ConflictArgument: String, ExpressibleByArgument, CaseIterable {
    case existing, replace, reject

    var conflict: JobOptions.Unique.Conflict {
        switch self {
        case .existing: .existing
        case .replace: .replace
        case .reject: .reject
        }
    }
}
