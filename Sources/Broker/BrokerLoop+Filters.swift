import Engine
import MartletWire

extension BrokerLoop {
    /// A filter as the engine has it: workers are sessions there.
    ///
    /// - Parameter queue: empty: all.
    func filter(
        _ said: MartletWire.JobFilter, queue: String, states: JobStates
    ) -> EngineFilter {
        var filter = EngineFilter(queue: queue.isEmpty ? nil : queue, states: states.rawValue)
        filter.type = said.type
        filter.tag = said.tag
        filter.uniqueKey = said.unique
        filter.ids = said.ids
        filter.fingerprint = said.fingerprint
        filter.since = said.since
        filter.until = said.until
        filter.sessions = said.session.map { [$0] }
        if let worker = said.worker {
            let named = workers.filter { $0.value == worker }.keys
            filter.sessions = named.filter { said.session == nil || said.session == $0 }
        }
        return filter
    }
}
