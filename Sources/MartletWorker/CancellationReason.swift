/// Why a handler's task was cancelled. Extensible: more reasons may come.
public struct CancellationReason: Hashable, Sendable, CustomStringConvertible {
    private let name: String

    /// The lease ended, or the server gave the job to somebody else: whatever the handler does from now on
    /// may be done twice, and its outcome is dropped.
    public static let leaseLost = CancellationReason(name: "lease lost")
    /// The worker is shutting down and the handler took longer than the drain timeout. The job goes back to
    /// its queue, and the attempt does not count as a failure.
    public static let shutdown = CancellationReason(name: "shutdown")
    /// The handler took longer than ``MartletWorker/Configuration/timeout``. The attempt counts as a failure.
    public static let timeout = CancellationReason(name: "timeout")

    public var description: String { name }
}
