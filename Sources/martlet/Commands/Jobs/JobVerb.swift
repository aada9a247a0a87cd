import MartletClient

extension JobChangeRun {
    /// What is done to jobs, in words, and the states that it is for.
    enum Verb: String {
        case cancel, retry, redrive, delete, reprioritise, purge

        var past: String {
            switch self {
            case .cancel: "cancelled"
            case .retry: "retried"
            case .redrive: "redriven"
            case .delete: "deleted"
            case .reprioritise: "reprioritised"
            case .purge: "purged"
            }
        }

        var capitalized: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

        /// The states in which the server does it.
        var states: Set<JobStatus.State> {
            switch self {
            case .cancel: [.scheduled, .ready, .held, .running]
            case .retry, .redrive: [.scheduled, .dead, .cancelled, .expired]
            case .delete: [.completed, .dead, .cancelled, .expired]
            case .reprioritise: [.scheduled, .ready, .held, .dead]
            case .purge: Set(JobStatus.State.allCases).subtracting([.running])
            }
        }

        /// The states that are meant by filters that say nothing of states.
        var usualStates: Set<JobStatus.State> {
            switch self {
            case .retry: [.dead]
            default: states
            }
        }

        /// It is answered as done, though there is nothing to do.
        func changesNothing(in state: JobStatus.State) -> Bool {
            switch (self, state) {
            case (.cancel, .cancelled), (.retry, .ready): true
            default: false
            }
        }
    }
}
