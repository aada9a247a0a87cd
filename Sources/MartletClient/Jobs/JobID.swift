package import MartletWire

extension JobStatus {
    /// A job's number. People read it as 12 letters and digits, `0000000k5m2q`.
    public struct ID: Hashable, Sendable {
        /// Greater than zero; a later job has a greater one.
        public let rawValue: UInt64

        package init(_ id: JobID) {
            rawValue = id.rawValue
        }

        package var onTheWire: JobID { JobID(rawValue: rawValue) }
    }
}

extension JobStatus.ID: Comparable {
    public static func < (one: Self, other: Self) -> Bool {
        one.rawValue < other.rawValue
    }
}

extension JobStatus.ID: LosslessStringConvertible {
    public var description: String { onTheWire.description }

    /// Reads the 12 letters and digits, in upper or lower case; nil when they are no id.
    public init?(_ text: String) {
        guard let id = JobID(text) else { return nil }
        self.init(id)
    }
}

extension JobStatus.ID: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "\"\(text)\" is no job id; they look like 0000000k5m2q")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
