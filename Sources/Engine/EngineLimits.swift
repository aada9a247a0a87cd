/// Bounds of the rules. Those of the wire are in `MartletWire.Limits`.
package enum EngineLimits {
    /// Longest payload or result, in bytes, that is stored in the job's own row. With the rest of
    /// the row it must fit half a page, so that LMDB keeps it in a leaf.
    package static let inlineBytesMax = 1_800

    /// Bytes of a longer payload in one row: with its check value it fills a page of 4 KiB, which LMDB keeps apart
    /// from its leaves, and gives up without copying it.
    package static let pieceBytes = 4_076

    /// Bytes of what is left over of it, if they are in one row: two rows fill a leaf page.
    static let halfPieceBytes = 1_992

    /// Ids that one lease row may span. Whoever looks for the lease of a job walks back this far.
    static let leaseSpanMax: UInt64 = 512

    /// Jobs in one delivery, at most one lease row's span.
    package static let deliveryJobsMax = 256

    /// Timers, lost leases, retained, expired or deleted jobs worked off in one turn: a few milliseconds at most.
    static let stepsPerTurn = 2_000

    /// Rows that working them off may change, and bytes that it may log, before the turn ends.
    static let changedRowsPerTurn = 3_000
    static let changedBytesPerTurn = 384 << 10

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

    /// Lines of a job's log that are kept, and their bytes together.
    package static let logLinesMax: UInt64 = 1_000
    package static let logBytesMax: UInt32 = 65_536

    /// Longest checkpoint, in bytes.
    package static let checkpointBytesMax = 65_536

    /// Longest reason of a cancel, in bytes.
    package static let reasonBytesMax = 1_024

    /// Bytes that a group of dead jobs keeps of the first one's message.
    static let groupMessageBytesMax = 512

    /// Actions on many jobs that may go on at a time.
    package static let actionsMax = 16

    /// Jobs that an action changes at a time, at most.
    static let actionJobsPerStep = 500

    /// Rows that an action reads at a time to find them.
    static let actionRowsPerStep = 4_000

    /// How long an action is remembered after its end, in milliseconds.
    static let actionMemory: UInt64 = 3_600_000

    /// Jobs of one run that becomes ready of which watchers are told.
    static let readyEventsMax: UInt64 = 2_000

    /// How much later than jobs with a greater id a job may have been created, in milliseconds: its id
    /// is given out before its payload is stored.
    static let idTimeSlack: UInt64 = 2_000

    /// A finished job that somebody waits for is kept at least this long, in milliseconds.
    static let watchedRetention: UInt64 = 10_000

    /// Pairs of queue and type whose times are counted apart.
    static let timedTypesMax = 4_096

    /// How much longer than its timeout a job keeps its lease, in milliseconds: its worker is to stop
    /// it, and to say so.
    static let timeoutGrace: UInt64 = 10_000

    /// Dictionaries of a type, and in all: those in the memory of the engine.
    static let dictionariesPerTypeMax = 8
    static let dictionariesMax = 1_024

    /// Ready runs held in memory during a turn; more are written as they come.
    static let pendingRunsMax = 256
}
