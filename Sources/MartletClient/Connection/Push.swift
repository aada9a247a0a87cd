package import MartletWire

/// What a server says unasked.
package enum Push: Sendable {
    case jobs(Jobs)
    /// These running jobs are to be stopped.
    case cancel(Cancellations)
    case events(Events)
    case draining(Draining)
    /// New limits.
    case welcome(Welcome)
}
