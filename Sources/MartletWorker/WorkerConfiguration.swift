public import NIOCore

/// What a worker may be told beside its queues and handlers.
public struct WorkerConfiguration: Sendable {
    /// Shown to whoever asks for the bearer token at the server; empty when none is wanted.
    public var token = ""
    /// Lease of each job, 1 s … 12 h; nil: the server's default. It is extended at a third of its length for as long as
    /// the job is held, so it need not cover a handler's running time: it is how soon a worker that crashed is noticed.
    public var lease: Duration?
    /// Longest time that a handler may run; nil: any. Then it is cancelled, and the attempt has failed.
    public var timeout: Duration?
    /// Jobs fetched ahead for each slot while handlers take less than a second on average. 0: none.
    public var prefetch = 1
    /// Most bytes of unfinished jobs' payloads in this process, for each queue. A larger single job is taken alone.
    public var payloadBytesMax = 64 << 20
    /// Results of at least this many bytes are compressed, if that makes them smaller; nil: none is.
    public var compressesFrom: Int? = 256
    /// How long handlers may go on after a graceful shutdown began, before they are cancelled and
    /// their jobs given back.
    public var drainTimeout = Duration.seconds(30)
    /// What cancelled handlers get to return in before the worker leaves without them.
    public var cancelTimeout = Duration.seconds(5)
    /// Attempts to connect take at most this long.
    public var connectTimeout = Duration.seconds(2)
    /// Whether a worker that cannot reach the server when it starts tries again, or ends with the error.
    /// Later on it always tries again.
    public var waitsForServer = true
    /// Where the connection runs; nil: NIO's own threads.
    public var eventLoopGroup: (any EventLoopGroup)?

    public init() {}
}
