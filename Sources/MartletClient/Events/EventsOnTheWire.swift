import Foundation
package import MartletWire

extension JobEvents.Event {
    package init(_ event: JobEvent) {
        offset = event.offset
        at = Date(protocolTime: event.at)
        id = JobStatus.ID(event.id)
        queue = event.queue
        type = event.type
        kind = Kind(rawValue: event.kind.name)
        state = event.state.map { JobStatus.State($0) }
        attempt = Int(event.attempt)
        error = event.error
        session = event.session
        worker = event.worker
        progress = event.progress.map { JobStatus.Progress($0) }
        missed = 0
    }

    /// Nothing follows it but what somebody asks for. The failure by which a job died is not that
    /// yet: its death follows.
    var endsItsJob: Bool {
        switch kind {
        case .completed, .dead, .cancelled, .expired: true
        default: state == nil
        }
    }
}

extension EventFilter {
    /// - Throws: `queueNameInvalid`.
    func watch(_ number: UInt32, after: UInt64) throws(MartletError) -> Watch {
        if let queue { try MartletClient.check(queue: queue) }
        return Watch(
            watch: number, after: after, job: job?.onTheWire, queue: queue ?? "",
            states: JobStates(states), wantsProgress: includesProgress, type: type, tag: tag)
    }
}

extension JobStates {
    init(_ states: Set<JobStatus.State>) {
        self = []
        for state in states { insert(JobStates(state.onTheWire)) }
    }
}
