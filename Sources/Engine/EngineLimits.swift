/// Bounds of the rules. Those of the wire are in `MartletWire.Limits`.
package enum EngineLimits {
    /// Longest payload or result, in bytes, that is stored in the job's own row. With the rest of
    /// the row it must fit half a page, so that LMDB keeps it in a leaf.
    package static let inlineBytesMax = 1_800

    /// Bytes of a longer payload in one row: two rows fill a 4 KiB leaf page.
    package static let pieceBytes = 1_992

    /// Ids that one lease row may span. Whoever looks for the lease of a job walks back this far.
    static let leaseSpanMax: UInt64 = 512

    /// Jobs in one delivery, at most one lease row's span.
    package static let deliveryJobsMax = 256

    /// Timers, lost leases or retained jobs worked off in one turn: a few milliseconds at most.
    static let stepsPerTurn = 2_000

    /// Runs of jobs in one retention row: it fits half a page.
    static let retentionRunsMax = 107

    /// Retention is rounded up to this many milliseconds, so that jobs share rows.
    static let retentionGrain: UInt64 = 1_000

    /// Longest time without any, in milliseconds, that a producer's answers are remembered.
    static let producerMemory: UInt64 = 86_400_000

    /// Requests of a producer that may be at or above its floor.
    package static let producerWindowMax: UInt64 = 8_192

    /// Bytes of remembered answers with refused items after which a producer must first raise its
    /// floor: what it had before is asked for again, or was received. Looked at before a request is
    /// accepted, so that they are at most one answer more.
    static let producerReplyBytesMax = 256 << 10

    /// Producers whose answers are mirrored in memory.
    static let producersInMemoryMax = 10_000

    /// Bits of a job's number.
    static let jobIDBits: UInt64 = 52

    /// Job ids, as a power of two, of which no broker gives out more in a millisecond, taken over all
    /// the time since 1970. The instants of 2109 still fit.
    static let jobsPerMillisecondBits: UInt64 = 10

    /// The same of lease tokens, which have 64 bits.
    static let tokensPerMillisecondBits: UInt64 = 20

    /// Longest stored text of a failure, in bytes.
    package static let errorBytesMax = 8_192

    /// A finished job that somebody waits for is kept at least this long, in milliseconds.
    static let watchedRetention: UInt64 = 10_000

    /// Ready runs held in memory during a turn; more are written as they come.
    static let pendingRunsMax = 256
}
