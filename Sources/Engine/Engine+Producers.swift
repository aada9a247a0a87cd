package import Store

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
    /// Answers in which some items were refused, as they went over the wire.
    var mixed: [UInt64: [UInt8]] = [:]
    /// Bytes in `mixed`.
    var mixedBytes = 0
    var isStored = false
    var isChanged = false

    /// Forgets the answers that it will not ask for again.
    mutating func raise(floor new: UInt64) {
        guard new > floor else { return }
        floor = new
        runs.removeAll { $0.end <= new }
        guard !mixed.isEmpty else { return }
        mixed = mixed.filter { $0.key >= new }
        mixedBytes = mixed.values.reduce(0) { $0 + $1.count }
    }

    /// What it was answered, or may not ask.
    func precedent(of sequence: UInt64) -> Precedent {
        if sequence < floor { return .forgotten(floor: floor) }
        if let run = runs.last(where: { $0.sequence <= sequence && sequence < $0.end }) {
            let first = run.firstJob + (sequence - run.sequence) * UInt64(run.jobs)
            return .jobs(JobRun(first: first, count: run.jobs))
        }
        if let reply = mixed[sequence] { return .reply(reply) }
        let isTooFar = sequence - floor >= EngineLimits.producerWindowMax
        let isFull = mixedBytes >= EngineLimits.producerReplyBytesMax
        return isTooFar || isFull ? .tooFarAhead(floor: floor) : .none
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
    case lost
    case tooFarAhead(floor: UInt64)
}

extension Engine {
    /// Looks a request up by its producer and sequence, and forgets what is below the producer's floor.
    package func precedent(
        producer id: UInt64, sequence: UInt64, floor: UInt64, replyBytesUnderWay: Int = 0,
        _ rows: borrowing Transaction
    ) throws -> Precedent {
        var producer = try take(producer: id, rows)
        producer.lastUsed = stamp.now
        producer.raise(floor: floor)
        let precedent = producer.precedent(of: sequence)
        // One that was never answered is not worth a row.
        put(back: producer, id, isChanged: producer.isStored)
        return precedent
    }

    /// Remembers that a request was accepted whole.
    package func remember(
        producer id: UInt64, sequence: UInt64, _ jobs: JobRun, _ rows: borrowing Transaction
    ) throws {
        var producer = try take(producer: id, rows)
        producer.lastUsed = stamp.now
        let last = producer.runs.indices.last
        if let last, producer.runs[last].end == sequence, producer.runs[last].jobs == jobs.count,
            producer.runs[last].endJob == jobs.first
        {
            producer.runs[last].requests += 1
        } else {
            producer.runs.append(
                AnswerRun(sequence: sequence, requests: 1, jobs: jobs.count, firstJob: jobs.first))
        }
        put(back: producer, id, isChanged: true)
    }

    /// Remembers a reply in which some items were refused.
    package func remember(
        producer id: UInt64, sequence: UInt64, reply: [UInt8], _ rows: borrowing Transaction
    ) throws {
        var producer = try take(producer: id, rows)
        producer.lastUsed = stamp.now
        producer.mixed[sequence] = reply
        producer.mixedBytes += reply.count
        put(back: producer, id, isChanged: true)
    }

    /// Takes a producer out of memory, so that changing it copies nothing; from its row when it is not there.
    private func take(producer id: UInt64, _ rows: borrowing Transaction) throws -> Producer {
        if let known = producers.removeValue(forKey: id) { return known }
        return try rows.get(Tables.producers, .job(id)) { try Producer(from: &$0) } ?? Producer()
    }

    private func put(back producer: Producer, _ id: UInt64, isChanged: Bool) {
        var producer = producer
        if isChanged, !producer.isChanged {
            producer.isChanged = true
            changedProducers.append(id)
        }
        producers[id] = producer
    }

    /// Writes the producers that this turn heard of; when they are many, they all leave memory.
    func writeProducers(_ rows: borrowing Transaction) throws {
        for id in changedProducers {
            guard var producer = producers.removeValue(forKey: id) else { continue }
            try rows.put(Tables.producers, .job(id)) { producer.write(to: &$0) }
            if !producer.isStored { try expire(id, producer, rows) }
            producer.isStored = true
            producer.isChanged = false
            producers[id] = producer
        }
        changedProducers.removeAll(keepingCapacity: true)
        guard producers.count > EngineLimits.producersInMemoryMax else { return }
        producers.removeAll(keepingCapacity: true)
    }

    func producerExpires(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        let producer = try take(producer: timer.first, rows)
        guard producer.lastUsed + EngineLimits.producerMemory <= stamp.now else {
            producers[timer.first] = producer
            return try expire(timer.first, producer, rows)
        }
        _ = try rows.delete(Tables.producers, .job(timer.first))
    }

    private func expire(_ id: UInt64, _ producer: Producer, _ rows: borrowing Transaction) throws {
        let due = producer.lastUsed + EngineLimits.producerMemory
        try Timer(due: due, kind: .producer, id).set(rows)
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
            let reply = Array(try reader.bytes(Int(try reader.u32())))
            mixed[sequence] = reply
            mixedBytes += reply.count
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
        for (sequence, reply) in mixed.sorted(by: { $0.key < $1.key }) {
            writer.u64(sequence)
            writer.u32(UInt32(reply.count))
            writer.bytes(reply)
        }
    }
}
