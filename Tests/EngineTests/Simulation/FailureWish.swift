@testable import Engine

/// What a worker of the simulation says of a failure.
struct FailureWish: Equatable {
    var message: String
    var errorClass = "Error"
    var fingerprint: UInt64
    var retryAfter: UInt64?
    var isDiscard = false

    /// What the engine says itself of an attempt that ran too long.
    static let timeout = FailureWish(
        message: "the attempt ran longer than its timeout", errorClass: "Timeout",
        fingerprint: Failure.timeout.fingerprint)
}
