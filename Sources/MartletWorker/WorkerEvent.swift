import MartletClient
import MartletWire
import NIOCore

/// What happens to a worker, from wherever it comes.
enum WorkerEvent: Sendable {
    case connected(WireConnection, Welcome)
    case disconnected
    case pushed(Push)
    case held(Holding, Settled)
    case settled(UInt64, Settled)
    case settleFailed(UInt64, MartletError)
    case noted(JobKey, Note)
    case noteAnswered(JobKey, leaseLost: Bool)
    case finished(JobKey, HandlerResult)
    case timerFired(NIODeadline)
    /// A graceful shutdown was asked for.
    case shutdown
    /// The task that runs the worker was cancelled, or the worker can't go on for the reason given.
    case stop(MartletError?)
}
