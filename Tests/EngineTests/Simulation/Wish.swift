@testable import Engine

/// What a submission of the simulation says about its job; nil: nothing.
struct Wish: Equatable, CustomStringConvertible {
    var priority: UInt8?
    var maxAttempts: UInt16?
    var maxCrashes: UInt16?
    var maxInterruptions: UInt16?
    var backoff: Backoff?
    var retain: [JobState: UInt64] = [:]
    var delay: UInt64?
    var expires: UInt64?
    var timeout: UInt64?
    var unique: UniqueWish?
    var tags: [String] = []
    /// Names and values in turn.
    var headers: [String] = []

    var description: String {
        let said: [(String, Any?)] = [
            ("priority", priority), ("attempts", maxAttempts), ("crashes", maxCrashes),
            ("interruptions", maxInterruptions), ("delay", delay), ("expires", expires),
            ("timeout", timeout), ("unique", unique),
        ]
        let kept = retain.sorted { $0.key < $1.key }.map { "\($0.key) kept \($0.value)" }
        return
            (said.compactMap { name, value in value.map { "\(name) \($0)" } } + kept + tags
            + headers)
            .joined(separator: ", ")
    }

    /// What is not said here as another says it.
    func completed(by defaults: Wish) -> Wish {
        var whole = self
        whole.priority = priority ?? defaults.priority
        whole.maxAttempts = maxAttempts ?? defaults.maxAttempts
        whole.maxCrashes = maxCrashes ?? defaults.maxCrashes
        whole.maxInterruptions = maxInterruptions ?? defaults.maxInterruptions
        whole.backoff = backoff ?? defaults.backoff
        whole.retain = retain.merging(defaults.retain) { own, _ in own }
        whole.expires = expires ?? defaults.expires
        whole.timeout = timeout ?? defaults.timeout
        return whole
    }
}

struct UniqueWish: Equatable, CustomStringConvertible {
    var key: String
    var scope: UniqueKey.Scope
    var policy: UniqueKey.Policy
    /// Milliseconds, of scope `period`.
    var period: UInt64 = 0
    var samePayload = false

    var description: String {
        "\(key) \(scope) \(period) \(policy)\(samePayload ? ", same payload" : "")"
    }
}
