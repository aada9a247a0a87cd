import Store

/// Consecutive jobs that finished in one turn and vanish together: what a retention row lists. It says
/// where they are counted, which the jobs' own rows may not be able to say any more.
struct FinishedRun: Equatable {
    var jobs: JobRun
    var queue: UInt32
    /// Dead; else completed.
    var isDead: Bool

    func isContinued(by id: UInt64, queue: UInt32, isDead: Bool) -> Bool {
        jobs.end == id && self.queue == queue && self.isDead == isDead
    }
}

extension [FinishedRun] {
    /// Adds a job, to the last run where it continues that.
    mutating func append(_ id: UInt64, queue: UInt32, isDead: Bool) {
        if let last = indices.last, self[last].isContinued(by: id, queue: queue, isDead: isDead) {
            self[last].jobs.count += 1
        } else {
            append(FinishedRun(jobs: JobRun(first: id, count: 1), queue: queue, isDead: isDead))
        }
    }

    init(from reader: inout RowReader) throws(StoreError) {
        self.init()
        while reader.remaining > 0 {
            let jobs = JobRun(first: try reader.u64(), count: try reader.u32())
            append(
                FinishedRun(jobs: jobs, queue: try reader.u32(), isDead: try reader.u8() != 0))
        }
    }
}

extension ArraySlice<FinishedRun> {
    func write(to writer: inout RowWriter) {
        for run in self {
            writer.u64(run.jobs.first)
            writer.u32(run.jobs.count)
            writer.u32(run.queue)
            writer.u8(run.isDead ? 1 : 0)
        }
    }
}
