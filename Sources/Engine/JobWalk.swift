import Store

/// Walks over the ids of jobs in some queues and states, in order of id, from rows alone: runs of the
/// index and leases, merged. What it costs depends on what it finds, not on how many jobs there are.
struct JobWalk {
    private var places: [Place]
    private let isDescending: Bool
    /// Whether nothing but the jobs sought is found.
    private(set) var isExact = true
    /// Rows of the index and of leases read so far.
    private(set) var looked = 0

    /// Where some of the jobs are found.
    private struct Place {
        var origin: Origin
        var position: Position
    }

    private enum Origin {
        /// Jobs of a queue in a state, and of an order when they are ready.
        case index(queue: UInt32, state: JobState, order: UInt8)
        case leases(LeasedJobs)
        /// Every job, for who wants (nearly) all of them; states are told by other rows then.
        case everything
    }

    private enum Position {
        /// All before this id is known; nothing is known from here on.
        case unknown(UInt64)
        case run(ClosedRange<UInt64>)
    }

    /// What a step of the walk came to.
    enum Step: Equatable {
        /// Jobs, consecutive and in no other place.
        case run(ClosedRange<UInt64>)
        /// Rows were read, and none of the jobs sought is before this id.
        case reached(UInt64)
        case end
    }

    /// More places than this are not merged: every job is looked at instead.
    static let placesMax = 1_024

    /// - Parameters:
    ///   - targets: queues and states, those that have any jobs; nil: every job.
    ///   - start: the first id that is wanted.
    init<Source: Rows & ~Copyable>(
        _ targets: WalkTargets?, from start: UInt64, descending: Bool, _ rows: borrowing Source
    ) throws {
        isDescending = descending
        places = []
        guard let targets else {
            lookAtEverything(from: start)
            return
        }
        for target in targets.indexed {
            for order in try orders(target.queue, target.state, rows) {
                let origin = Origin.index(queue: target.queue, state: target.state, order: order)
                places.append(Place(origin: origin, position: .unknown(start)))
            }
        }
        if let leased = targets.leased {
            places.append(Place(origin: .leases(leased), position: .unknown(start)))
        }
        if places.count > JobWalk.placesMax { lookAtEverything(from: start) }
    }

    private mutating func lookAtEverything(from start: UInt64) {
        places = [Place(origin: .everything, position: .unknown(start))]
        isExact = false
    }

    /// Takes the next jobs, at most `limit` of them.
    mutating func next<Source: Rows & ~Copyable>(
        _ limit: UInt64 = .max, _ rows: borrowing Source
    ) throws -> Step {
        guard let foremost = foremostPlace() else { return .end }
        switch places[foremost].position {
        case .unknown(let id):
            try look(places[foremost].origin, foremost, from: id, rows)
            return .reached(id)
        case .run(let run):
            let taken = clipped(run, limit, besides: foremost)
            advance(foremost, past: taken, of: run)
            return .run(taken)
        }
    }

    // MARK: Merging

    private func foremostPlace() -> Int? {
        var foremost: Int?
        for index in places.indices {
            guard let best = foremost else {
                foremost = index
                continue
            }
            if precedes(index, best) { foremost = index }
        }
        return foremost
    }

    /// Where nothing is known comes before a run at the same id, which it may cut short.
    private func precedes(_ one: Int, _ other: Int) -> Bool {
        let (first, second) = (start(of: one), start(of: other))
        guard first == second else { return isDescending ? first > second : first < second }
        if case .unknown = places[one].position { return true }
        return false
    }

    private func start(of place: Int) -> UInt64 {
        switch places[place].position {
        case .unknown(let id): id
        case .run(let run): isDescending ? run.upperBound : run.lowerBound
        }
    }

    /// The part of a run that comes before whatever the other places have.
    private func clipped(
        _ run: ClosedRange<UInt64>, _ limit: UInt64, besides place: Int
    ) -> ClosedRange<UInt64> {
        var (first, last) = (run.lowerBound, run.upperBound)
        for other in places.indices where other != place {
            let start = start(of: other)
            if isDescending {
                if start < run.upperBound { first = max(first, start + 1) }
            } else if start > run.lowerBound {
                last = min(last, start - 1)
            }
        }
        guard last - first >= limit else { return first...last }
        return isDescending ? (last - limit + 1)...last : first...(first + limit - 1)
    }

    private mutating func advance(
        _ place: Int, past taken: ClosedRange<UInt64>, of run: ClosedRange<UInt64>
    ) {
        if isDescending {
            if taken.lowerBound > run.lowerBound {
                places[place].position = .run(run.lowerBound...(taken.lowerBound - 1))
            } else {
                move(place, toUnknown: taken.lowerBound == 0 ? nil : taken.lowerBound - 1)
            }
        } else if taken.upperBound < run.upperBound {
            places[place].position = .run((taken.upperBound + 1)...run.upperBound)
        } else {
            move(place, toUnknown: taken.upperBound == .max ? nil : taken.upperBound + 1)
        }
    }

    private mutating func move(_ place: Int, toUnknown id: UInt64?) {
        if let id { places[place].position = .unknown(id) } else { places.remove(at: place) }
    }

    // MARK: Looking

    private mutating func look<Source: Rows & ~Copyable>(
        _ origin: Origin, _ place: Int, from id: UInt64, _ rows: borrowing Source
    ) throws {
        switch origin {
        case .index(let queue, let state, let order):
            looked += 1
            let found = try indexedRun(queue, state, order, from: id, isDescending, rows)
            if let found { places[place].position = .run(found) } else { places.remove(at: place) }
        case .everything:
            let found = try storedJob(from: id, isDescending, rows)
            if let found {
                places[place].position = .run(found...found)
            } else {
                places.remove(at: place)
            }
        case .leases(var leased):
            let found = try leased.next(from: id, isDescending, rows)
            looked += leased.takeLooked()
            places[place].origin = .leases(leased)
            switch found {
            case .run(let run): places[place].position = .run(run)
            case .reached(let next): places[place].position = .unknown(next)
            case .end: places.remove(at: place)
            }
        }
    }
}

/// Queues and states to walk over.
struct WalkTargets {
    var indexed: [(queue: UInt32, state: JobState)] = []
    var leased: LeasedJobs?
}

/// Orders that have jobs of a state: ready jobs have their priority's, all others 0.
private func orders<Source: Rows & ~Copyable>(
    _ queue: UInt32, _ state: JobState, _ rows: borrowing Source
) throws -> [UInt8] {
    guard state == .ready else { return [0] }
    var orders: [UInt8] = []
    var order: UInt8? = 0
    while let wanted = order {
        order = nil
        let found = try rows.first(
            Tables.index, atOrAfter: IndexPlace(queue, state, order: wanted).key(0)
        ) {
            key, _ -> UInt8? in
            guard try key.u32() == queue, try key.u8() == state.rawValue else { return nil }
            return try key.u8()
        }
        guard case .some(.some(let next)) = found else { break }
        orders.append(next)
        order = next < .max ? next + 1 : nil
    }
    return orders
}

/// The stored run that holds `id`, or comes next: its part from there on.
private func indexedRun<Source: Rows & ~Copyable>(
    _ queue: UInt32, _ state: JobState, _ order: UInt8, from id: UInt64, _ isDescending: Bool,
    _ rows: borrowing Source
) throws -> ClosedRange<UInt64>? {
    let place = IndexPlace(queue, state, order: order)
    let before = try place.run(atOrBefore: id, rows)
    if let before, before.contains(id) {
        return isDescending ? before.first...id : id...(before.end - 1)
    }
    if isDescending { return before.map { $0.first...($0.end - 1) } }
    let next = try rows.first(Tables.index, atOrAfter: place.key(id)) { key, row -> JobRun? in
        guard let first = try place.first(in: &key) else { return nil }
        return JobRun(first: first, count: try row.u32())
    }
    return (next ?? nil).map { $0.first...($0.end - 1) }
}

/// The job that has the id, or comes next. A damaged row is skipped: who shows or delivers it says so.
private func storedJob<Source: Rows & ~Copyable>(
    from id: UInt64, _ isDescending: Bool, _ rows: borrowing Source
) throws -> UInt64? {
    var id = id
    while true {
        do {
            if isDescending {
                return try rows.last(Tables.jobs, atOrBefore: .job(id)) { key, _ in try key.u64() }
            }
            return try rows.first(Tables.jobs, atOrAfter: .job(id)) { key, _ in try key.u64() }
        } catch let error as StoreError {
            guard case .damaged(Tables.jobs, let key) = error.code, key.count == 8 else {
                throw error
            }
            let damaged = key.reduce(0) { $0 << 8 | UInt64($1) }
            guard isDescending ? damaged > 0 : damaged < .max else { return nil }
            id = isDescending ? damaged - 1 : damaged + 1
        }
    }
}
