public import Foundation

/// What the server knew about a queue at one moment.
public struct QueueStatus: Sendable {
    public let name: String
    /// Jobs that a worker may take.
    public let ready: Int
    /// Jobs that a worker has.
    public let running: Int
    /// Jobs that wait for their time.
    public let scheduled: Int
    /// Jobs that wait for something other than time or a worker.
    public let held: Int
    /// Jobs whose attempts are used up, and which are still kept.
    public let dead: Int
    /// Jobs completed since the queue exists.
    public let completed: Int
    /// Completed jobs that are still kept.
    public let retained: Int
    /// Cancelled jobs that are still kept.
    public let cancelled: Int
    /// Expired jobs that are still kept.
    public let expired: Int
    /// When the job at the head was submitted; nil when none is ready.
    public let oldestReadyAt: Date?
    /// Subscriptions of workers at that moment.
    public let subscribers: Int
    /// Payload bytes of ready and scheduled jobs, as they are stored.
    public let waitingBytes: Int
    public let payloads: PayloadBytes
    public let totals: Totals
    public let rates: Rates
    /// nil: deliveries go on.
    public let paused: Pause?
    /// Since when submissions are refused; nil: they are not.
    public let drainingSince: Date?
    /// What the queue was told; nil in it: nothing.
    public let options: QueueOptions

    /// Bytes of the payloads pushed since the queue exists.
    public struct PayloadBytes: Hashable, Sendable {
        /// Before compression.
        public let raw: Int
        /// As they travelled and are stored.
        public let carried: Int
    }

    /// Jobs since the queue exists.
    public struct Totals: Hashable, Sendable {
        public let submitted: Int
        public let completed: Int
        public let died: Int
        public let cancelled: Int
        public let expired: Int
    }

    /// Jobs in the last minute; they begin with 0 when the server starts.
    public struct Rates: Hashable, Sendable {
        public let submitted: Int
        public let completed: Int
        /// Attempts that failed, whatever became of their jobs.
        public let failed: Int
    }

    /// Why nothing is delivered.
    public struct Pause: Hashable, Sendable {
        public let since: Date
        public let by: String
        public let reason: String
    }
}
