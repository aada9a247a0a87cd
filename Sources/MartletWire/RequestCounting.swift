/// What `requests_in_flight_max` counts, told from headers alone.
extension FrameHeader {
    /// Whether this frame is of a request that is to be answered soon: not one without a reply, nor
    /// one that waits for something else to happen.
    package var isCountedRequest: Bool {
        requestID != 0 && opcode != Opcode.wait.rawValue && opcode != Opcode.list.rawValue
    }

    /// Whether this frame is the last of such a request.
    package var endsCountedRequest: Bool { isCountedRequest && !flags.contains(.more) }

    /// Whether this frame ends a reply.
    package var isLastOfReply: Bool {
        guard requestID != 0, !flags.contains(.more) else { return false }
        return opcode != Opcode.jobs.rawValue && opcode != Opcode.draining.rawValue
    }
}
