import Store

@testable import Engine

/// What tests look for in the rows themselves.
struct StoredRows {
    /// Jobs whose row was set aside.
    private(set) var damaged: Set<UInt64> = []
    private(set) var queues: [UInt32: QueueRow] = [:]
    /// Runs of ready jobs by queue, in order of delivery.
    private(set) var runs: [UInt32: [JobRun]] = [:]
    private(set) var leases: [LeaseKey: LeaseRow] = [:]
    private(set) var timers: [Timer] = []

    init(_ rows: borrowing Transaction) throws {
        _ = try rows.survey(Tables.damaged) { key, _ in
            if try key.u8() == Tables.jobs.id { damaged.insert(try key.u64()) }
        }
        try rows.scan(Tables.queues, from: Key()) { key, row in
            queues[try key.u32()] = try QueueRow(from: &row)
            return .next
        }
        // Damaged runs that nobody has come across are told by whoever verifies.
        _ = try rows.survey(Tables.index) { key, row in
            let run = try IndexRun(from: &key, &row)
            if run.state == JobState.ready.rawValue {
                runs[run.queue, default: []].append(run.jobs)
            }
        }
        try rows.scan(Tables.leases, from: Key()) { key, row in
            leases[try LeaseKey(from: &key)] = try LeaseRow(from: &row)
            return .next
        }
        try rows.scan(Tables.timers, from: Key()) { key, row in
            timers.append(try Timer(from: &key, &row))
            return .next
        }
    }

    /// Ids of the ready jobs of a queue, in order of delivery.
    func ready(_ queue: UInt32) -> [UInt64] {
        runs[queue, default: []].flatMap { $0.first..<$0.end }
    }
}
