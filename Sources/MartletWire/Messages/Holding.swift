package import NIOCore

/// What a worker still holds from before it resumed its session.
package struct Holding: Message {
    package static let opcode = Opcode.holding

    /// With this message everything is named.
    package var isComplete: Bool
    /// With 0 to `batch_max` jobs in all.
    package var runs: [Run]

    /// Jobs of one delivery whose ids follow by one.
    package struct Run: Equatable, Sendable {
        package var token: UInt64
        package var first: JobID
        /// 1 to `batch_max`.
        package var jobs: UInt16

        package init(token: UInt64, first: JobID, jobs: UInt16) {
            self.token = token
            self.first = first
            self.jobs = jobs
        }
    }

    package init(isComplete: Bool, runs: [Run]) {
        self.isComplete = isComplete
        self.runs = runs
    }

    package init(from reader: inout WireReader) throws(WireError) {
        try self.init(from: &reader, batchMax: Limits.batchMax)
    }

    /// - Throws: `BATCH_TOO_LARGE` above `batchMax` jobs, so that the work of a message is bounded.
    package init(from reader: inout WireReader, batchMax: Int) throws(WireError) {
        isComplete = try reader.flags(known: 1) == 1
        runs = []
        var jobs = 0
        for _ in 0..<(try reader.u16()) {
            let run = try Run(from: &reader, batchMax: batchMax)
            jobs += Int(run.jobs)
            runs.append(run)
        }
        guard jobs <= batchMax else { throw .batchTooLarge(actual: jobs, limit: batchMax) }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt8(isComplete ? 1 : 0))
        buffer.writeLittle(UInt16(runs.count))
        for run in runs {
            buffer.writeMultipleIntegers(
                run.token, run.first.rawValue, run.jobs, endianness: .little)
        }
    }

    /// The jobs one by one, in the order in which the answer speaks of them.
    package var jobs: [(id: JobID, token: UInt64)] {
        runs.flatMap { run in
            (0..<UInt64(run.jobs)).map {
                (JobID(rawValue: run.first.rawValue &+ $0), run.token)
            }
        }
    }
}

extension Holding.Run {
    fileprivate init(from reader: inout WireReader, batchMax: Int) throws(WireError) {
        self.init(
            token: try reader.u64(), first: JobID(rawValue: try reader.u64()),
            jobs: try reader.u16())
        guard (1...batchMax).contains(Int(jobs)) else {
            throw .fieldInvalid("jobs", actual: UInt64(jobs), range: 1...UInt64(batchMax))
        }
    }
}
