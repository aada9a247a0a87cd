import Store

/// Puts runs together out of jobs that come in ascending order, each of them written once.
struct RunBuilder<Place: RunPlace> {
    private var open: [Place: JobRun] = [:]

    /// Adds a job that comes after all that were added before.
    mutating func add(_ id: UInt64, to place: Place, _ rows: borrowing Transaction) throws {
        let job = JobRun(first: id, count: 1)
        guard let run = open[place] else {
            open[place] = job
            return
        }
        if run.isContinued(by: job) {
            open[place] = run.joined(with: job)
        } else {
            try write(run, place, rows)
            open[place] = job
        }
    }

    /// Writes what is still open.
    mutating func finish(_ rows: borrowing Transaction) throws {
        for (place, run) in open { try write(run, place, rows) }
        open.removeAll()
    }

    private func write(_ run: JobRun, _ place: Place, _ rows: borrowing Transaction) throws {
        try rows.put(Place.table, place.key(run.first)) { $0.u32(run.count) }
    }
}
