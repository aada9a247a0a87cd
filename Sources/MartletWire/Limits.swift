/// Every bound of the protocol, in one place: what it is, in which unit, and why it is not another number.
///
/// Those that a server may configure are defaults here; `WELCOME` says what is in force. The relations
/// between them are held by `LimitsTests`.
package enum Limits {
    // MARK: Frames and messages

    /// Bytes of a frame's body. Holds a full batch of small jobs; small enough to buffer per connection.
    package static let frameBytesMax = 1 << 20

    /// Bytes of a frame's body until `WELCOME` is out: nobody has shown a token yet, so nobody gets memory.
    package static let preludeBytesMax = 4096

    /// Bytes of a payload, as carried and raw. Configurable in the server.
    package static let payloadBytesMax = 16 << 20

    /// The largest value the server may be configured to for `payloadBytesMax`: two of them and the
    /// overhead must fit a u32 length.
    package static let payloadBytesCeiling = 1 << 30

    /// Room in a message beside its payloads: a checkpoint, a job's whole log, a page of error groups.
    package static let messageOverheadBytes = 1 << 20

    /// Bytes of a whole message. `JOB` may carry a payload and a result; nothing else needs more, a page of
    /// jobs with the longest errors included.
    package static func messageBytesMax(payloadBytesMax: Int = payloadBytesMax) -> Int {
        2 * payloadBytesMax + messageOverheadBytes
    }

    /// A sender cuts larger bodies into frames of this many bytes, so that small messages pass between
    /// them: 256 KiB hold a gigabit line for 2 ms.
    package static let splitBytes = 256 << 10

    /// Messages begun and not ended on one channel: bounds what a peer can make the other side keep.
    package static let unfinishedMessagesMax = 8

    /// Bytes of a `PING`.
    package static let pingBytesMax = 64

    // MARK: Batches and requests

    /// Items in one `SUBMIT` or `SETTLE`: beyond this a larger batch no longer gains throughput.
    package static let batchMax = 1024

    /// Requests of a channel that are still unanswered; the server stops reading there.
    package static let requestsInFlightMax = 4096

    /// Bytes of unanswered requests of a channel; at least one largest message fits.
    package static let bytesInFlightMax = 64 << 20

    /// Subscriptions of a session.
    package static let subscriptionsMax = 256

    /// Credit of one subscription, in deliveries.
    package static let creditJobsMax = 65_535

    /// Requests that a producer may have at or above its floor: the server remembers an answer for each.
    package static let producerWindowMax: UInt64 = 8192

    /// How long a producer's answers are remembered after its last request.
    package static let producerMemoryMilliseconds: UInt64 = 24 * 3_600_000

    /// `WAIT`s of a channel that are not answered yet.
    package static let waitsMax = 65_536

    /// The longest `WAIT`: one hour.
    package static let waitMillisecondsMax: UInt32 = 3_600_000

    /// Jobs on one page of `LIST`.
    package static let listLimitMax: UInt16 = 500

    /// Queues on a page of statistics.
    package static let queuesPerPage = 500

    /// Groups of dead jobs on one page.
    package static let groupLimitMax: UInt16 = 500

    /// Lines on one page of a job's log: all that is kept.
    package static let logLimitMax: UInt16 = 1_000

    /// Watches of a session.
    package static let watchesMax = 64

    /// Bulk actions under way at a time.
    package static let actionsMax = 16

    /// The highest rate that a bulk action can be asked for, in jobs a second.
    package static let actionRateMax: UInt32 = 1_000_000

    /// The longest wait for the end of a bulk action: one minute.
    package static let actionWaitMillisecondsMax: UInt32 = 60_000

    /// Types of a queue whose times are counted apart; the rest are counted together.
    package static let timedTypesMax = 100

    /// Events that the server keeps for those who watch.
    package static let eventsKept = 65_536

    // MARK: Dictionaries

    /// Bytes of a dictionary for zstd: what `zstd --train` makes by default, rounded up. Larger ones gain
    /// little, and every worker keeps those it needs in memory.
    package static let dictionaryBytesMax = 112 << 10

    /// Ids that dictionaries may have: those that zstd leaves to private use.
    package static let dictionaryIDs: ClosedRange<UInt32> = 32_768...2_147_483_647

    /// Dictionaries of a type: the active one, and those retired that jobs still name.
    package static let dictionariesPerTypeMax = 8

    /// Dictionaries of all types: their bytes are in the store, what else is known of them in the broker's memory.
    package static let dictionariesMax = 1_024

    /// Dictionaries on one page.
    package static let dictionaryLimitMax: UInt16 = 500

    // MARK: Texts

    /// Bytes of a queue's name: fits a key of the store with everything beside it.
    package static let queueNameBytesMax = 128

    /// Bytes of a job's type.
    package static let typeBytesMax = 128

    /// Bytes of the reason of a failure: the end of a handler's standard error, not its log.
    package static let reasonBytesMax = 8192

    /// Bytes of a failure's class.
    package static let errorClassBytesMax = 128

    /// Bytes of a failure's stack.
    package static let errorStackBytesMax = 8192

    /// Bytes of the sentence beside a progress.
    package static let progressMessageBytesMax = 1024

    /// Progress is counted in 1/10,000.
    package static let progressDoneMax: UInt16 = 10_000

    /// Bytes of a checkpoint: a place to go on from, not the work itself.
    package static let checkpointBytesMax = 65_536

    /// Lines in one `LOG`.
    package static let logLinesMax = 256

    /// Bytes of one line of a job's log.
    package static let logLineBytesMax = 4_096

    /// Lines of a job's log that are kept, the last ones.
    package static let logLinesKept = 1_000

    /// Bytes of the lines of one `LOG`, and of those that are kept of a job.
    package static let logBytesMax = 65_536

    /// Bytes of the reason of a cancel or a pause.
    package static let actionReasonBytesMax = 1_024

    /// Bytes of the message that stands for a group of dead jobs.
    package static let groupMessageBytesMax = 512

    /// Tags of a job, and bytes of one.
    package static let tagsMax = 8
    package static let tagBytesMax = 64

    /// Headers of a job, bytes of all of them as carried, and of one's name.
    package static let headersMax = 32
    package static let headerBytesMax = 4_096
    package static let headerNameBytesMax = 64

    /// Bytes of a unique key.
    package static let uniqueKeyBytesMax = 255

    /// Bytes of an error's sentence.
    package static let errorMessageBytesMax = 512

    /// Bytes of the sentence with which one item of a batch is refused. A `SUBMITTED` in which every item
    /// was refused for a reason of its own fits `splitBytes`, and so the memory of its producer.
    package static let itemMessageBytesMax = 200

    /// Bytes of a `SUBMITTED` of so many items: at most one run for each, with the longest sentence.
    package static func submittedBytesMax(items: Int) -> Int {
        submittedHeadBytes(items: items) + items * itemMessageBytesMax
    }

    /// The same without the sentences.
    package static func submittedHeadBytes(items: Int) -> Int {
        6 + items * (2 + 2 + 1 + 4 + 8 + 8 + 2)
    }

    /// Bytes of the host's name in `HELLO`.
    package static let hostBytesMax = 255
    /// Of a worker as it is shown: host, slash and process.
    package static let workerBytesMax = hostBytesMax + 11

    /// Bytes of a bearer token: with it, `HELLO` fits `preludeBytesMax`.
    package static let tokenBytesMax = 2048

    // MARK: Times

    /// A peer that was silent for this long is gone. It sends `PING` after a third of it.
    package static let idleMilliseconds: UInt32 = 60_000

    /// Lease of a delivery whose subscription asks for none.
    package static let leaseMilliseconds: UInt32 = 30_000

    /// The shortest lease: a worker must have time to extend it at a third.
    package static let leaseMillisecondsMin: UInt32 = 1_000

    /// The longest lease: twelve hours.
    package static let leaseMillisecondsMax: UInt32 = 43_200_000

    /// How long a session keeps its leases without a connection. Less than a lease, so that a worker
    /// that is gone is noticed by its absence first.
    package static let graceMilliseconds: UInt32 = 15_000

    /// A connection that has not sent `HELLO` by then is closed.
    package static let helloTimeoutMilliseconds: UInt32 = 10_000

    // MARK: Options of a job

    /// Failures until a job is dead, when it does not say.
    package static let maxAttemptsDefault: UInt16 = 20
    package static let maxAttemptsMax: UInt16 = 1_000

    /// The longest backoff: one day.
    package static let backoffMillisecondsMax: UInt32 = 86_400_000
    package static let backoffBaseMillisecondsDefault: UInt32 = 1_000
    package static let backoffCapMillisecondsDefault: UInt32 = 3_600_000

    /// How much longer the next wait is, in 1/100.
    package static let backoffFactorMin: UInt16 = 100
    package static let backoffFactorMax: UInt16 = 1_000
    package static let backoffFactorDefault: UInt16 = 200

    /// 255 is first.
    package static let priorityDefault: UInt8 = 128

    /// The longest delay, time to live and period of a unique key: 365 days.
    package static let delayMillisecondsMax: UInt64 = 31_536_000_000

    /// The longest attempt: seven days.
    package static let timeoutMillisecondsMax: UInt32 = 604_800_000

    /// A worker has that long to stop a handler that is out of time before its lease is taken away.
    package static let timeoutGraceMilliseconds: UInt32 = 10_000

    /// How long a cancelled job may go on running.
    package static let cancelGraceMillisecondsDefault: UInt32 = 10_000
    package static let cancelGraceMillisecondsMax: UInt32 = 86_400_000

    /// The longest retention: 365 days.
    package static let retainMillisecondsMax: UInt64 = 31_536_000_000
    package static let retainCompletedMillisecondsDefault: UInt64 = 3_600_000
    package static let retainDeadMillisecondsDefault: UInt64 = 604_800_000
    package static let retainCancelledMillisecondsDefault: UInt64 = 3_600_000
    package static let retainExpiredMillisecondsDefault: UInt64 = 3_600_000
}
