package import MartletWire

/// What a server says unasked.
package enum Push: Sendable {
    case jobs(Jobs)
    case draining(Draining)
    /// New limits.
    case welcome(Welcome)
}
