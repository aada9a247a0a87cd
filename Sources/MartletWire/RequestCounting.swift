/// What `requests_in_flight_max` counts, told from headers alone.
extension FrameHeader {
    /// Whether this frame is of a request that is to be answered soon: not one without a reply, nor
    /// one that waits for something else to happen, or reads a snapshot.
    package var isCountedRequest: Bool {
        guard requestID != 0 else { return false }
        return switch Opcode(rawValue: opcode) {
        case .wait, .list, .actionGet, .groups, .verify: false
        default: true
        }
    }

    /// Whether this frame is the last of such a request.
    package var endsCountedRequest: Bool { isCountedRequest && !flags.contains(.more) }

    /// Whether this frame ends a reply.
    package var isLastOfReply: Bool {
        guard requestID != 0, !flags.contains(.more) else { return false }
        return switch Opcode(rawValue: opcode) {
        case .jobs, .cancel, .events, .draining: false
        default: true
        }
    }
}
