import MartletWire

extension Holding {
    /// Names jobs in as few runs as they make, and in as many messages as it takes. At least one:
    /// that a worker holds nothing is news too.
    static func naming(_ keys: [JobKey], batchMax: Int) -> [Holding] {
        let sorted = keys.sorted { ($0.token, $0.id.rawValue) < ($1.token, $1.id.rawValue) }
        var messages = stride(from: 0, to: max(sorted.count, 1), by: batchMax).map { start in
            let batch = sorted[min(start, sorted.count)..<min(start + batchMax, sorted.count)]
            return Holding(isComplete: false, runs: runs(of: batch))
        }
        messages[messages.count - 1].isComplete = true
        return messages
    }

    private static func runs(of keys: some Sequence<JobKey>) -> [Run] {
        var runs: [Run] = []
        for key in keys {
            if let last = runs.last, last.token == key.token,
                key.id.rawValue == last.first.rawValue + UInt64(last.jobs)
            {
                runs[runs.count - 1].jobs += 1
            } else {
                runs.append(Run(token: key.token, first: key.id, jobs: 1))
            }
        }
        return runs
    }
}
