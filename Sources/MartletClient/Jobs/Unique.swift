extension JobOptions {
    /// A key that one job of a queue holds at a time.
    public struct Unique: Hashable, Sendable {
        /// 1 … 255 bytes.
        public var key: String
        /// How long a job holds the key.
        public var scope: Scope
        /// What becomes of a push whose key is held.
        public var onConflict: Conflict
        /// A push whose key is held by a job with other parameters throws
        /// ``MartletError/Code/uniqueMismatch``, whatever ``onConflict`` says.
        public var samePayload: Bool

        public init(
            _ key: String, scope: Scope = .active, onConflict: Conflict = .existing,
            samePayload: Bool = false
        ) {
            self.key = key
            self.scope = scope
            self.onConflict = onConflict
            self.samePayload = samePayload
        }

        public enum Scope: Hashable, Sendable {
            /// Until the job first runs.
            case waiting
            /// Until the job has finished.
            case active
            /// For a time from the push, up to 365 days, whatever becomes of the job; it is kept so
            /// long.
            case period(Duration)
        }

        public enum Conflict: Sendable {
            /// The holder is what the push returns; ``JobHandle/wasDuplicate`` tells.
            case existing
            /// A holder that waits is cancelled, and the new job takes its place; otherwise as
            /// ``existing``.
            case replace
            /// The push throws ``MartletError/Code/uniqueTaken``; its `actual` is the holder's
            /// number.
            case reject
        }
    }
}
