/// What a value must look like: the parser itself says only that one is invalid.
enum ValueForm {
    /// By the name that a value has in the help.
    private static let sentences = [
        "time": "A time is 500ms, 30s, 5m, 2h or 7d.",
        "instant": "An instant is 2026-11-22T10:00:00Z, or a date.",
        "when": "Say how long ago (2h), or an instant (2026-11-22T10:00:00Z).",
        "backoff": "It is none, fixed:10s or exponential:1s,2,1h.",
        "scope": "It is waiting, active, or a time from now (24h).",
        "times": "It is a time for all (2d), or for some (completed=1h,dead=7d).",
        "name=value": "It is a name, an equals sign and a value.",
        "fingerprint": "It is what `martlet dead groups` shows: 1 to 16 hexadecimal digits.",
        "cursor": "It is what the page before ended with.",
        "letters": "It is the beginning of an id: 0000000k5.",
        "bytes": "It is a number of bytes: 500000, 500M, 2Gi.",
        "count": "It is a whole number.",
        "number": "It is a whole number.",
        "offset": "It is a whole number.",
        "jobs": "It is a whole number.",
        "priority": "It is a number from 0 to 255.",
    ]

    /// - Parameter complaint: the parser's, such as `The value '5x' is invalid for '--delay <time>'.`
    /// - Returns: what would be right, when the complaint does not say so itself.
    static func sentence(for complaint: String) -> String? {
        let form = /The value '.*' is invalid for '(?:--\S+ )?<([^>]+)>'\./
        guard let match = complaint.wholeMatch(of: form) else { return nil }
        return sentences[String(match.1)]
    }
}
