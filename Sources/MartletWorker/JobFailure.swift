/// Thrown by a handler that knows better than the job's options what is to become of the job.
///
/// ```swift
/// guard let page = try await download(url) else {
///     throw JobFailure.discard(reason: "there is no such page")
/// }
/// ```
public struct JobFailure: Error, Hashable, Sendable {
    /// What people read.
    public let reason: String
    /// Type of the error that led to this one; groups the dead jobs.
    let errorClass: String
    /// Instead of the job's backoff.
    let retryAfter: Duration?
    /// The job is dead at once.
    let discards: Bool

    /// The attempt has failed; the next one begins after this time, up to 365 days, if attempts are
    /// left.
    ///
    /// - Parameter error: led to it; its type and text are told, too.
    public static func retry(
        after time: Duration, reason: String = "", because error: (any Error)? = nil
    ) -> JobFailure {
        JobFailure(reason, error, retryAfter: max(time, .zero), discards: false)
    }

    /// The job can't be done, now or later: it is dead, whatever attempts are left.
    ///
    /// - Parameter error: led to it; its type and text are told, too.
    public static func discard(reason: String, because error: (any Error)? = nil) -> JobFailure {
        JobFailure(reason, error, retryAfter: nil, discards: true)
    }

    private init(_ reason: String, _ error: (any Error)?, retryAfter: Duration?, discards: Bool) {
        let cause = error.map { FailureReport.text(of: $0) }
        self.reason = [reason, cause ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
        errorClass = error.map { FailureReport.name(of: $0) } ?? "JobFailure"
        self.retryAfter = retryAfter
        self.discards = discards
    }
}
