import MartletWire
import NIOCore

/// What the machine wants done.
enum WorkerAction: Equatable {
    /// What is still held of earlier connections, to be sent in this order; each is answered with
    /// `held`.
    case hold([Holding])
    /// The server's answer matters only when it is a refusal.
    case subscribe(Subscribe)
    case credit(Credit)
    /// Answered with `settled` or `settleFailed` under the same number.
    case settle(UInt64, Settle)
    /// Answered with `noteAnswered`.
    case note(JobKey, Note)
    case drain
    /// Run the handler; ends with `finished`.
    case start(DeliveredJob, timeoutAt: NIODeadline?)
    case cancel(JobKey, CancellationReason)
    /// The server did not accept what was said of a job; its lease will end by itself.
    case refused(JobKey, WireError)
    /// The session ended, and these many finished jobs could not be settled any more.
    case outcomesLost(Int)
    /// Say `BYE`, close the connection, and end.
    case leave
}

/// How a handler ended.
enum HandlerResult: Equatable, Sendable {
    case completed(Payload?)
    /// Threw an error, described here.
    indirect case failed(MartletWire.JobFailure)
    /// Threw `CancellationError`.
    case cancelled
    /// Not done, and not because of the job: what it needs can't be had now, or the worker is being stopped.
    case released
}

/// What the machine needs to know of the configuration and of `WELCOME`.
struct WorkerSettings: Sendable {
    var creditBytes: UInt32 = 64 << 20
    /// Lease asked for; 0: the server's default.
    var leaseMilliseconds: UInt32 = 0
    var timeout: TimeAmount?
    var drainTimeout = TimeAmount.seconds(30)
    /// What handlers get to return after a shutdown has cancelled them, and their jobs to be given
    /// back.
    var cancelTimeout = TimeAmount.seconds(5)
    /// How long a job may wait here for a slot before it is given back.
    var patience = TimeAmount.seconds(2)
}
