public import Foundation

extension JobEvents {
    /// Something that happened to a job.
    public struct Event: Identifiable, Sendable {
        /// Ascends with each event. Who comes back later names that of the last event seen.
        public let offset: UInt64
        public let at: Date
        /// The job's.
        public let id: JobStatus.ID
        public let queue: String
        public let type: String
        public let kind: Kind
        /// The job's state after it; nil when the job is gone.
        public let state: JobStatus.State?
        public let attempt: Int
        /// Why an attempt failed, or the job was cancelled.
        public let error: String?
        /// The worker's session.
        public let session: UInt64?
        /// Host and process of the worker.
        public let worker: String?
        /// What a handler said, in events of kind ``Kind/progress``.
        public let progress: JobStatus.Progress?
        /// Events between the one before and this one that were dropped, since this program read
        /// too slowly or came back too late.
        public package(set) var missed: Int

        /// Extensible: a newer server may tell of others.
        public struct Kind: RawRepresentable, Hashable, Sendable {
            public let rawValue: String

            public init(rawValue: String) {
                self.rawValue = rawValue
            }

            public static let submitted = Self(rawValue: "submitted")
            /// Its time came.
            public static let ready = Self(rawValue: "ready")
            public static let delivered = Self(rawValue: "delivered")
            public static let progress = Self(rawValue: "progress")
            public static let completed = Self(rawValue: "completed")
            /// An attempt failed, and others are left.
            public static let failed = Self(rawValue: "failed")
            /// A lease ended, or a worker vanished.
            public static let crashed = Self(rawValue: "crashed")
            /// A worker gave it back unspent.
            public static let released = Self(rawValue: "released")
            public static let dead = Self(rawValue: "dead")
            public static let cancelled = Self(rawValue: "cancelled")
            public static let expired = Self(rawValue: "expired")
            /// By request.
            public static let retried = Self(rawValue: "retried")
            public static let edited = Self(rawValue: "edited")
            public static let cancelRequested = Self(rawValue: "cancel_requested")
            public static let deleted = Self(rawValue: "deleted")
        }
    }
}
