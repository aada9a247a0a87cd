import Store

/// Requests of one producer, consecutive in sequence, whose jobs are consecutive in id and equal in number:
/// what a pipelining client sends within a turn is one of these.
struct AnswerRun: Equatable {
    var sequence: UInt64
    var requests: UInt32
    /// Jobs of each request.
    var jobs: UInt32
    var firstJob: UInt64

    var end: UInt64 { sequence + UInt64(requests) }
    var endJob: UInt64 { firstJob + UInt64(requests) * UInt64(jobs) }
}

/// The answers that a producer was given and may ask for again.
struct Producer: Equatable {
    var lastUsed: UInt64 = 0
    var floor: UInt64 = 0
    var runs: [AnswerRun] = []
    /// Bytes of each answer in which some items were refused. These answers are rows of their own,
    /// so that this one stays short.
    var mixed: [UInt64: UInt32] = [:]
    /// Sum of `mixed`.
    var mixedBytes = 0
    var isStored = false
    var isChanged = false

    /// The floor of a producer whose row was damaged: every request is below it, so that none of those
    /// that may have been accepted is accepted again.
    static let lostFloor = UInt64.max

    /// Forgets the answers that it will not ask for again.
    /// - Returns: those of them that have rows.
    mutating func raise(floor new: UInt64) -> [UInt64: UInt32] {
        guard new > floor else { return [:] }
        floor = new
        runs.removeAll { $0.end <= new }
        guard !mixed.isEmpty else { return [:] }
        let dropped = mixed.filter { $0.key < new }
        for (sequence, bytes) in dropped {
            mixed[sequence] = nil
            mixedBytes -= Int(bytes)
        }
        return dropped
    }

    /// What it was answered, or may not ask.
    /// - Parameter replyBytesUnderWay: of answers with refused items that are still to be remembered.
    func precedent(of sequence: UInt64, replyBytesUnderWay: Int) -> Precedent {
        if floor == Producer.lostFloor { return .lost }
        if sequence < floor { return .forgotten(floor: floor) }
        if let run = runs.last(where: { $0.sequence <= sequence && sequence < $0.end }) {
            let first = run.firstJob + (sequence - run.sequence) * UInt64(run.jobs)
            return .jobs(JobRun(first: first, count: run.jobs))
        }
        let isTooFar = sequence - floor >= EngineLimits.producerWindowMax
        let isFull = mixedBytes + replyBytesUnderWay >= EngineLimits.producerReplyBytesMax
        return isTooFar || isFull ? .tooFarAhead(floor: floor) : .none
    }
}

extension Producer {
    init(from reader: inout RowReader) throws(StoreError) {
        lastUsed = try reader.u64()
        floor = try reader.u64()
        for _ in 0..<(try reader.u32()) {
            runs.append(
                AnswerRun(
                    sequence: try reader.u64(), requests: try reader.u32(), jobs: try reader.u32(),
                    firstJob: try reader.u64()))
        }
        while reader.remaining > 0 {
            let sequence = try reader.u64()
            let bytes = try reader.u32()
            mixed[sequence] = bytes
            mixedBytes += Int(bytes)
        }
        isStored = true
    }

    func write(to writer: inout RowWriter) {
        writer.u64(lastUsed)
        writer.u64(floor)
        writer.u32(UInt32(runs.count))
        for run in runs {
            writer.u64(run.sequence)
            writer.u32(run.requests)
            writer.u32(run.jobs)
            writer.u64(run.firstJob)
        }
        for (sequence, bytes) in mixed.sorted(by: { $0.key < $1.key }) {
            writer.u64(sequence)
            writer.u32(bytes)
        }
    }
}

/// What is known of a producer's request.
package enum Precedent: Equatable {
    case none
    /// It was accepted before: its jobs.
    case jobs(JobRun)
    /// It was answered before, with some items refused: the reply as it was.
    case reply([UInt8])
    case forgotten(floor: UInt64)
    case tooFarAhead(floor: UInt64)
    /// The record of what it was answered was damaged: it may have been accepted, or not.
    case lost
}
