/// The leases that a turn has changed, in the order in which it came to them; they are written when it ends.
///
/// Settlements come one behind the other for jobs of few deliveries, so these are found without hashing.
struct TouchedLeases {
    private struct Lease {
        let key: LeaseKey
        /// Nil when it is forgotten.
        var row: LeaseRow?

        var found: (key: LeaseKey, row: LeaseRow)? { row.map { (key, $0) } }
    }

    private var leases: [Lease] = []
    private var places: [LeaseKey: Int] = [:]
    /// The place that was found last.
    private var last = 0
    private static let searchedMax = 16

    /// The lease that a job is held under with a token, if it is one of the latest.
    mutating func find(_ id: UInt64, token: UInt64) -> (key: LeaseKey, row: LeaseRow)? {
        if last < leases.count, holds(last, id, token) { return leases[last].found }
        var place = leases.count - 1
        let end = Swift.max(0, leases.count - TouchedLeases.searchedMax)
        while place >= end {
            if holds(place, id, token) {
                last = place
                return leases[place].found
            }
            place -= 1
        }
        return nil
    }

    private func holds(_ place: Int, _ id: UInt64, _ token: UInt64) -> Bool {
        let key = leases[place].key
        guard key.token == token, id >= key.first else { return false }
        return leases[place].row?.jobs.contains(id - key.first) ?? false
    }

    /// Nil for a lease that the turn has not changed, or has forgotten.
    subscript(key: LeaseKey) -> LeaseRow? {
        get { place(of: key).flatMap { leases[$0].row } }
        set {
            if let place = place(of: key) {
                leases[place].row = newValue
            } else if let newValue {
                add(key, newValue)
            }
        }
    }

    /// Takes a job out of a lease.
    /// - Parameter lease: as it is stored, for one that the turn has not changed.
    mutating func remove(_ id: UInt64, from key: LeaseKey, _ lease: LeaseRow) {
        remove(JobRun(first: id, count: 1), from: key, lease)
    }

    /// The same for consecutive jobs.
    mutating func remove(_ run: JobRun, from key: LeaseKey, _ lease: LeaseRow) {
        let offsets = run.first - key.first..<run.end - key.first
        if let place = place(of: key) {
            if leases[place].row == nil { leases[place].row = lease }
            leases[place].row?.jobs.remove(offsets)
        } else {
            var rest = lease
            rest.jobs.remove(offsets)
            add(key, rest)
        }
    }

    mutating func removeAll() {
        leases.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        last = 0
    }

    private func place(of key: LeaseKey) -> Int? {
        if last < leases.count, leases[last].key == key { return last }
        return places[key]
    }

    private mutating func add(_ key: LeaseKey, _ lease: LeaseRow) {
        last = leases.count
        places[key] = last
        leases.append(Lease(key: key, row: lease))
    }
}

extension TouchedLeases: Sequence {
    func makeIterator() -> some IteratorProtocol<(key: LeaseKey, row: LeaseRow)> {
        leases.lazy.compactMap(\.found).makeIterator()
    }
}
