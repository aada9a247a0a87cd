/// What a worker of the simulation says of a failure.
struct FailureWish: Equatable {
    var message: String
    var errorClass = "Error"
    var fingerprint: UInt64
    var retryAfter: UInt64?
    var isDiscard = false
}
