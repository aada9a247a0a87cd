import MartletWire
import NIOCore

/// What is to be told to the server about held jobs: collected, sent in batches, kept until it is
/// answered, and sent again on the next connection when it was not.
struct SettlementQueue {
    private var pending = CircularBuffer<PendingSettlement>()
    private var underWay: [UInt64: [PendingSettlement]] = [:]
    private var nextBatch: UInt64 = 1
    /// Nothing is sent before: the server asked for patience.
    private(set) var holdOff: NIODeadline?

    /// `SETTLE` requests at a time. What ends while they are under way is collected for the next.
    static let batchesMax = 4
    /// Bytes of results in one request, beyond which it is not filled further.
    static let batchBytes = Limits.splitBytes
    /// Patience when the server does not say how much.
    static let retryMilliseconds: Int64 = 200

    var isEmpty: Bool { pending.isEmpty && underWay.isEmpty }

    mutating func add(_ settlement: PendingSettlement) {
        pending.append(settlement)
    }

    /// The next request, with its number; nil when there is nothing to say, or no room for another.
    mutating func takeBatch(
        itemsMax: Int, now: NIODeadline
    ) -> (number: UInt64, items: [Settlement])? {
        if let holdOff {
            guard holdOff <= now else { return nil }
            self.holdOff = nil
        }
        guard !pending.isEmpty, underWay.count < Self.batchesMax else { return nil }
        let (batch, items) = fillBatch(itemsMax, now)
        let number = nextBatch
        nextBatch += 1
        underWay[number] = batch
        return (number, items)
    }

    private mutating func fillBatch(
        _ itemsMax: Int, _ now: NIODeadline
    ) -> ([PendingSettlement], [Settlement]) {
        var batch: [PendingSettlement] = []
        var items: [Settlement] = []
        batch.reserveCapacity(min(itemsMax, pending.count))
        items.reserveCapacity(min(itemsMax, pending.count))
        var bytes = 0
        while items.count < itemsMax, bytes < Self.batchBytes, var item = pending.popFirst() {
            item.sentAt = now
            bytes += item.byteCount
            items.append(item.settlement)
            batch.append(item)
        }
        return (batch, items)
    }

    /// The request was answered or will never be; nil when its connection was given up before.
    mutating func remove(_ number: UInt64) -> [PendingSettlement]? {
        underWay.removeValue(forKey: number)
    }

    /// To be said again, after a while.
    mutating func retry(_ items: some Sequence<PendingSettlement>, at time: NIODeadline) {
        for var item in items {
            item.isRepeated = true
            pending.append(item)
        }
        holdOff = max(holdOff ?? time, time)
    }

    /// What is unanswered must be said again on the next connection, in its old order. Renewals are
    /// not: the next connection begins with new ones.
    mutating func connectionLost() {
        let unanswered = underWay.sorted { $0.key < $1.key }.flatMap(\.value)
        let unsent = Array(pending)
        underWay.removeAll()
        pending.removeAll()
        holdOff = nil
        for (items, areRepeated) in [(unanswered, true), (unsent, false)] {
            for var item in items where !item.isRenewal {
                item.isCarried = true
                item.isRepeated = item.isRepeated || areRepeated
                pending.append(item)
            }
        }
    }

    /// The session is gone, and with it every lease that could be settled.
    ///
    /// - Returns: how many outcomes were lost.
    mutating func removeAll() -> Int {
        defer {
            pending.removeAll()
            underWay.removeAll()
        }
        return pending.count(where: \.isOutcome)
            + underWay.values.reduce(0) { $0 + $1.count(where: \.isOutcome) }
    }

    /// Jobs whose outcome the server has not heard yet, as far as is known here, after a connection
    /// was lost.
    var unsettled: [JobKey] { pending.map(\.key) }

    func carried(lane: Int) -> Int {
        pending.count { $0.lane == lane && $0.isCarried }
    }
}

struct PendingSettlement {
    let key: JobKey
    let lane: Int
    var verdict: Settlement.Verdict
    /// Its job was delivered on an earlier connection.
    var isCarried: Bool
    /// It was sent before, and nobody knows what became of that.
    var isRepeated = false
    var sentAt = NIODeadline.distantPast

    var settlement: Settlement { Settlement(id: key.id, token: key.token, verdict) }

    var isRenewal: Bool {
        if case .extend = verdict { true } else { false }
    }

    /// Work that was done, in vain if nobody hears of it.
    fileprivate var isOutcome: Bool {
        switch verdict {
        case .complete, .fail: true
        case .release, .extend: false
        }
    }

    fileprivate var byteCount: Int {
        switch verdict {
        case .complete(let result): 25 + (result?.bytes.readableBytes ?? 0)
        case .fail(let failure): 27 + failure.message.utf8.count
        case .release, .extend: 25
        }
    }
}
