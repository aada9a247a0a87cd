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
        try rows.scan(Tables.damaged, from: Key()) { key, _ in
            if try key.u8() == Tables.jobs.id { damaged.insert(try key.u64()) }
            return .next
        }
        try rows.scan(Tables.queues, from: Key()) { key, row in
            queues[try key.u32()] = try QueueRow(from: &row)
            return .next
        }
        try rows.scan(Tables.index, from: Key()) { key, row in
            let run = try IndexRun(from: &key, &row)
            if run.state == JobState.ready.rawValue {
                runs[run.queue, default: []].append(run.jobs)
            }
            return .next
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
