import NIOCore

/// Who has which channel of a link: all the state that the switch keeps.
///
/// A channel that was closed is not given out again at once: frames for its old client may still be
/// on their way from the broker, and would reach the new one. Closed channels wait behind a
/// *fence*, a `PING` on channel 0 sent after their
/// `CLOSE`: when its `PONG` is back, what the broker had answered on them has come before it. Long
/// messages may come later still, in pieces between others, so channels that were never used are
/// given out first, and then the one that was free for longest.
struct ChannelTable<Client>: ~Copyable {
    /// Index 0 is the link itself and stays empty.
    private var clients: [Client?] = [nil]
    private var free = CircularBuffer<UInt16>()
    /// Closed since the last fence was sent.
    private var closed: [UInt16] = []
    /// Closed before the fence that is under way.
    private var fenced: [UInt16] = []
    private var fenceNumber: UInt64 = 0
    private var isFenceUnderWay = false

    /// Channels that have a client.
    private(set) var count = 0

    subscript(channel: UInt16) -> Client? {
        Int(channel) < clients.count ? clients[Int(channel)] : nil
    }

    /// Gives `client` a channel, 1 … 65,535, or `nil` when all are taken or wait behind a fence.
    mutating func open(_ client: Client) -> UInt16? {
        if let unused = UInt16(exactly: clients.count) {
            clients.append(client)
            count += 1
            return unused
        }
        guard let channel = free.popFirst() else { return nil }
        clients[Int(channel)] = client
        count += 1
        return channel
    }

    /// Takes the channel from its client; frames that still come for it find nobody.
    mutating func close(_ channel: UInt16) {
        precondition(self[channel] != nil, "channel \(channel) is not open")
        clients[Int(channel)] = nil
        closed.append(channel)
        count -= 1
    }

    /// The number of a fence to be sent now, behind the `CLOSE` frames; `nil` when none is needed or one is under way.
    mutating func raiseFence() -> UInt64? {
        guard !isFenceUnderWay, !closed.isEmpty else { return nil }
        isFenceUnderWay = true
        swap(&fenced, &closed)
        fenceNumber += 1
        return fenceNumber
    }

    /// The fence has come back: the channels behind it are free.
    mutating func fencePassed(_ number: UInt64) {
        guard isFenceUnderWay, number == fenceNumber else { return }
        isFenceUnderWay = false
        free.append(contentsOf: fenced)
        fenced.removeAll(keepingCapacity: true)
    }

    /// The link broke and all channels with it: returns the clients that had one, in no order that
    /// means anything, and is empty.
    mutating func breakAll() -> [Client] {
        let broken = clients.compactMap { $0 }
        self = ChannelTable()
        return broken
    }
}
