/// Why a handler's task was cancelled. Extensible: more reasons may come.
public struct CancellationReason: Hashable, Sendable, CustomStringConvertible {
    private let name: String
    /// What whoever cancelled the job said; empty for all other reasons.
    public let message: String

    private init(name: String, message: String = "") {
        self.name = name
        self.message = message
    }

    /// The lease ended, or the server gave the job to somebody else: whatever the handler does from
    /// now on may be done twice, and its outcome is dropped.
    public static let leaseLost = CancellationReason(name: "lease lost")
    /// The worker is shutting down and the handler took longer than the drain timeout. The job goes
    /// back to its queue, and the attempt does not count as a failure.
    public static let shutdown = CancellationReason(name: "shutdown")
    /// The handler took longer than the job's own timeout, or
    /// ``MartletWorker/Configuration/timeout``. The attempt counts as a failure.
    public static let timeout = CancellationReason(name: "timeout")

    /// Somebody cancelled the job. A handler that throws leaves it cancelled, one that returns has
    /// completed it; after the grace the lease is lost.
    public static func cancelled(_ message: String) -> CancellationReason {
        CancellationReason(name: "cancelled", message: message)
    }

    /// Somebody cancelled the job, whatever the ``message``.
    public var isRequest: Bool { name == "cancelled" }

    public var description: String { message.isEmpty ? name : "\(name): \(message)" }
}
