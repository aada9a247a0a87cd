import MartletWire

/// What the server said of a job that it took.
package struct PushedJob: Sendable {
    package let id: JobStatus.ID
    /// The unique key was held: this is the holder, and the job pushed was not stored.
    package let wasDuplicate: Bool
    /// The level reached.
    package let durability: JobOptions.Durability

    package init(id: JobStatus.ID, wasDuplicate: Bool, durability: JobOptions.Durability) {
        self.id = id
        self.wasDuplicate = wasDuplicate
        self.durability = durability
    }
}

extension Submitted.Run {
    /// What became of each of the run's jobs.
    func pushedJobs(_ durability: JobOptions.Durability) -> [Result<PushedJob, MartletError>] {
        switch self {
        case .accepted(let first, let count):
            (0..<UInt64(count)).map { index in
                let id = JobStatus.ID(JobID(rawValue: first.rawValue &+ index))
                return .success(PushedJob(id: id, wasDuplicate: false, durability: durability))
            }
        case .refused(let error, let count) where error.code == .duplicate:
            Array(
                repeating: .success(
                    PushedJob(
                        id: JobStatus.ID(JobID(rawValue: error.actual)), wasDuplicate: true,
                        durability: durability)),
                count: Int(count))
        case .refused(let error, let count):
            Array(repeating: .failure(MartletError(error)), count: Int(count))
        }
    }
}
