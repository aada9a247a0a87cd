import Engine
import MartletWire
import NIOCore

/// A TCP connection as the writer thread sees it: where replies go, and who is behind it.
/// Owned by the writer thread.
final class Connection {
    let id: ConnectionID
    let port: Port
    /// Replies that wait for the turn to be durable.
    var outbox = ByteBuffer()
    /// What comes before them, in buffers of its own.
    var pushes: [ByteBuffer] = []
    /// Long messages that wait for the same.
    var large: [ByteBuffer] = []
    /// Replies that promise no durability: sent before the turn is.
    var early = ByteBuffer()
    var bytesDone = 0
    var requestsDone = 0
    /// Bytes of events in the outbox, by channel.
    var eventBytesNew: [UInt16: Int] = [:]
    /// Channels of a link that closed in this turn: what is left of long messages for them must not
    /// reach the client that gets the channel next.
    var closedChannels: [UInt16] = []
    var isLink = false
    var isWelcomed = false
    var closes = false
    /// Whether the turn has noted it as one that has something to be sent.
    var isNoted = false
    /// By channel; an ordinary connection has channel 0 alone.
    var peers: [UInt16: Peer] = [:]

    init(id: ConnectionID, port: Port) {
        self.id = id
        self.port = port
    }

    /// Puts whole frames behind what the outbox has, without copying them.
    func append(_ frames: ByteBuffer) {
        if outbox.readableBytes > 0 {
            pushes.append(outbox)
            outbox = ByteBuffer()
        }
        pushes.append(frames)
    }
}

/// A client: the one of an ordinary connection, or one of a gateway's.
final class Peer {
    unowned let connection: Connection
    let channel: UInt16
    /// 0 until `HELLO`.
    var session: UInt64 = 0
    var subscriptions: [UInt32: Subscription] = [:]
    var watchers: [UInt32: Watcher] = [:]
    var pushes: UInt64 = 0
    /// Bytes of events that were pushed and that the connection has not sent.
    var eventBytesUnsent = 0
    var waits = 0
    /// Of the pages that are read for it.
    private(set) lazy var lease = ChannelLease()
    var assembler: MessageAssembler
    /// Messages in several frames are under way.
    var isAssembling = false

    init(_ connection: Connection, channel: UInt16, limits: ServerLimits) {
        self.connection = connection
        self.channel = channel
        assembler = MessageAssembler(messageBytesMax: Int(limits.messageBytesMax))
    }

    var isOpen: Bool { session != 0 }

    /// A worker that could take more of all it has subscribed to: there is nothing that it could be given.
    var isIdleWorker: Bool { !subscriptions.isEmpty && subscriptions.values.allSatisfy(\.mayTake) }

    var nextPush: UInt64 {
        pushes += 1
        return pushes
    }
}

/// A worker's wish for jobs of one queue, and its credit.
final class Subscription {
    unowned let peer: Peer
    let id: UInt32
    let queue: QueueIndex
    /// Lease tokens of its deliveries begin here.
    let firstToken: UInt64
    let leaseMilliseconds: UInt32
    var creditJobs: Int
    var creditBytes: Int
    var jobsOut = 0
    var bytesOut = 0
    var isHungry = false
    var isEnded = false

    init(
        _ peer: Peer, id: UInt32, queue: QueueIndex, firstToken: UInt64,
        leaseMilliseconds: UInt32, jobs: Int, bytes: Int
    ) {
        self.peer = peer
        self.id = id
        self.queue = queue
        self.firstToken = firstToken
        self.leaseMilliseconds = leaseMilliseconds
        creditJobs = jobs
        creditBytes = bytes
    }

    var mayTake: Bool {
        !isEnded && jobsOut < creditJobs && (bytesOut < creditBytes || jobsOut == 0)
    }
}
