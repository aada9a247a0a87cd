/// Which events are wanted. An event must match all that is said.
public struct EventFilter: Hashable, Sendable {
    /// nil: all jobs.
    public var job: JobStatus.ID?
    /// nil: all queues.
    public var queue: String?
    /// Only events that brought a job into one of these; empty: all.
    public var states: Set<JobStatus.State>
    public var type: String?
    public var tag: String?
    /// What handlers say of their progress, too.
    public var includesProgress: Bool

    public init(
        job: JobStatus.ID? = nil, queue: String? = nil, states: Set<JobStatus.State> = [],
        type: String? = nil, tag: String? = nil, includesProgress: Bool = false
    ) {
        self.job = job
        self.queue = queue
        self.states = states
        self.type = type
        self.tag = tag
        self.includesProgress = includesProgress
    }
}
