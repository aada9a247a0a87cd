import MartletWire

/// Requests of one client that were passed on and not answered, told from headers alone.
struct RequestCount {
    /// Never too high for a client that keeps to `requests_in_flight_max`: replies to `WAIT` and `LIST`
    /// look like others and count, while their requests do not.
    private(set) var inFlight = 0
    /// Requests of which more frames are to come. They count from the first one on: the broker may
    /// refuse them before the last.
    private var unfinished: Set<Message> = []

    private struct Message: Hashable {
        let opcode: UInt8
        let requestID: UInt64
    }

    mutating func sent(_ header: FrameHeader) {
        guard header.requestID != 0 else { return }
        let hasMore = header.flags.contains(.more)
        guard hasMore || !unfinished.isEmpty else { return count(header) }
        let message = Message(opcode: header.opcode, requestID: header.requestID)
        let isNew =
            hasMore ? unfinished.insert(message).inserted : unfinished.remove(message) == nil
        if isNew { count(header) }
    }

    mutating func answered(_ header: FrameHeader) {
        if inFlight > 0, header.isLastOfReply { inFlight -= 1 }
    }

    private mutating func count(_ header: FrameHeader) {
        if header.isCountedRequest { inFlight += 1 }
    }
}
