extension MartletClient {
    /// How the payloads of a job type are compressed. What would not become smaller by a sixteenth travels as
    /// it is, whatever is said here.
    public struct Compression: Hashable, Sendable {
        /// Where dictionaries come from. With one, small payloads that resemble each other become several times
        /// smaller.
        public enum Dictionaries: Sendable {
            /// The server's, and when it has none for the type, one that this client makes of the first payloads
            /// and registers.
            case automatic
            /// The server's; made by other clients, or by `martlet dictionary train`.
            case registered
            /// None is used.
            case none
        }

        /// zstd's level, 1 … 19: higher ones are smaller and slower.
        public var level = 3
        /// Payloads from this many bytes on are compressed; nil: none is, unless there is a dictionary.
        public var from: Int? = 256
        public var dictionaries = Dictionaries.automatic
        /// Payloads from this many bytes on are compressed when there is a dictionary for their type; 32 is the
        /// least that can pay.
        public var dictionaryFrom = 64

        public init() {}

        /// Everything travels as it is.
        public static var none: Compression {
            var compression = Compression()
            compression.from = nil
            compression.dictionaries = .none
            return compression
        }
    }
}
