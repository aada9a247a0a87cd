/// A turn that was applied and is not durable yet.
struct AppliedTurn {
    private(set) var now: UInt64
    /// To be sent when it is durable.
    private(set) var replies: [Delivery]
    var times: TurnTimes
    /// Bytes that are held back until it is durable.
    private(set) var replyBytes: Int

    init(now: UInt64, replies: [Delivery], times: TurnTimes) {
        self.now = now
        self.replies = replies
        self.times = times
        replyBytes = replies.reduce(0) { $0 + $1.byteCount }
    }

    /// Makes one turn for the log of both.
    mutating func join(_ next: AppliedTurn) {
        now = next.now
        replies += next.replies
        replyBytes += next.replyBytes
        times.apply += next.times.apply
        times.work += next.times.work
    }
}
