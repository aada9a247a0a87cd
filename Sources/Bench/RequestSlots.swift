/// Requests of one connection that have no answer yet, by request id: a slot's number and 1.
struct RequestSlots<Request> {
    private var slots: [Slot?] = []
    private var free: [Int] = []

    private struct Slot {
        var request: Request
        /// To be sent again when the connection breaks; empty when that ends the run.
        var frame: [UInt8] = []
    }

    var count: Int { slots.count - free.count }

    var requests: [Request] { slots.compactMap { $0?.request } }

    /// As they were sent.
    var frames: [[UInt8]] { slots.compactMap { $0?.frame } }

    /// - Returns: The request's id.
    mutating func open(_ request: Request) -> UInt64 {
        if let slot = free.popLast() {
            slots[slot] = Slot(request: request)
            return UInt64(slot + 1)
        }
        slots.append(Slot(request: request))
        return UInt64(slots.count)
    }

    mutating func keep(_ frame: [UInt8], for id: UInt64) { slots[Int(id) - 1]?.frame = frame }

    /// The request that is answered; `nil` when there is none of that id.
    mutating func close(_ id: UInt64) -> Request? {
        let slot = Int(truncatingIfNeeded: id) - 1
        guard slots.indices.contains(slot), let request = slots[slot]?.request else { return nil }
        slots[slot] = nil
        free.append(slot)
        return request
    }
}
