/// What a job carries beside its parameters, and may lose when it is edited.
public struct JobLabels: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public static let tags = JobLabels(rawValue: 1)
    public static let headers = JobLabels(rawValue: 2)
}
