/// What a queue may be told. What is nil stays as it is.
public struct QueueOptions: Hashable, Sendable {
    /// Most jobs waiting; above it pushes throw ``MartletError/Code/queueFull``. 0: no limit.
    public var depthMax: UInt64?
    /// Most payload bytes waiting; 0: no limit.
    public var bytesMax: UInt64?
    public var order: Order?
    /// For jobs that do not say otherwise. Takes the place of the defaults before; those of time,
    /// uniqueness, tags, headers and durability can't be set.
    public var defaults: JobOptions?

    public init(
        depthMax: UInt64? = nil, bytesMax: UInt64? = nil, order: Order? = nil,
        defaults: JobOptions? = nil
    ) {
        self.depthMax = depthMax
        self.bytesMax = bytesMax
        self.order = order
        self.defaults = defaults
    }

    /// Which job of a priority is delivered first.
    public enum Order: String, CaseIterable, Codable, Sendable {
        case firstInFirstOut = "fifo"
        case lastInFirstOut = "lifo"
    }
}
