package import MartletWire

/// What to measure, against which server.
package struct BenchOptions: Sendable {
    package var target: Target
    /// Bearer token; empty when the server wants none.
    package var token = ""
    package var workloads = Workload.usual
    /// Jobs of every workload but `sync`.
    package var jobs = 1_000_000
    /// `sync` ends after this many jobs or seconds, whichever comes first.
    package var syncJobs = 5_000
    package var syncSeconds = 3
    /// Connections of `submit` and `drain`; `flow` gives one half to producers and one to workers, at least one each.
    package var connections = 4
    /// Submissions that a connection has without an answer.
    package var outstanding = 256
    /// Deliveries that a worker has unsettled.
    package var credit = 1024
    package var payloadBytes = 256
    package var durability = Durability.disk
    /// Begins the names of the queues; unique, so that a run finds its own jobs only.
    package var queuePrefix = "bench-\(String(UInt64.random(in: 1...UInt64.max), radix: 16))"
    /// A server that does nothing for this long has lost what is missing. Longer than a default lease, so that
    /// a job hidden behind one is waited for.
    package var stallMilliseconds = 40_000

    package enum Target: Sendable {
        case server(host: String, port: Int)
        /// A broker started for this run, its data in a temporary directory below `directory`.
        case ownBroker(executable: String, directory: String)
    }

    package init(target: Target) { self.target = target }

    /// - Throws: `BenchError.invalidOption`, naming value and range.
    package func check() throws(BenchError) {
        try check("jobs", jobs, 1...1_000_000_000)
        try check("sync jobs", syncJobs, 1...1_000_000_000)
        try check("connections", connections, 1...1_000)
        try check("outstanding", outstanding, 1...Limits.requestsInFlightMax)
        try check("credit", credit, 1...Limits.creditJobsMax)
        try check("payload size", payloadBytes, JobPayload.bytesMin...Limits.payloadBytesMax)
    }

    private func check(
        _ name: String, _ value: Int, _ range: ClosedRange<Int>
    ) throws(BenchError) {
        guard range.contains(value) else {
            throw .invalidOption(
                "\(name) is \(value.grouped), it may be \(range.lowerBound.grouped) "
                    + "to \(range.upperBound.grouped)")
        }
    }
}
