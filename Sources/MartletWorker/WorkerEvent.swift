import MartletClient
import MartletWire
import NIOCore

/// What happens to a worker, from wherever it comes. Most of it is that a handler has finished: what is rare takes no
/// room in that.
enum WorkerEvent: Sendable {
    indirect case connected(WireConnection, Welcome)
    case disconnected
    indirect case pushed(Push)
    indirect case held(Holding, Settled)
    case settled(UInt64, Settled)
    indirect case settleFailed(UInt64, MartletError)
    indirect case noted(JobKey, Note)
    case noteAnswered(JobKey, leaseLost: Bool)
    case finished(JobKey, HandlerResult)
    case timerFired(NIODeadline)
    /// A graceful shutdown was asked for.
    case shutdown
    /// The task that runs the worker was cancelled, or the worker can't go on for the reason given.
    indirect case stop(MartletError?)
}
