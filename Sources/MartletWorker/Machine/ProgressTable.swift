import MartletWire

/// The latest news of each handler. One message per job is under way at a time, so that a handler that
/// reports every line it reads costs no more than one that reports every second.
struct ProgressTable {
    private var latest: [JobKey: JobProgress] = [:]
    private var underWay: Set<JobKey> = []

    mutating func update(_ key: JobKey, _ news: JobProgress) {
        latest[key] = news
    }

    /// What may be sent now.
    mutating func take() -> [(JobKey, JobProgress)] {
        guard !latest.isEmpty else { return [] }
        let ready = latest.filter { !underWay.contains($0.key) }
        for key in ready.keys {
            latest[key] = nil
            underWay.insert(key)
        }
        return ready.map { ($0.key, $0.value) }
    }

    mutating func answered(_ key: JobKey) {
        underWay.remove(key)
    }

    /// The job is finished; nobody looks at its progress any more.
    mutating func remove(_ key: JobKey) {
        latest[key] = nil
    }

    mutating func connectionLost() {
        underWay.removeAll()
    }
}
