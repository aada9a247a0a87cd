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
    var isChanged = false
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
}

extension Engine {
    /// Looks a request up by its producer and sequence, and forgets what is below the producer's floor.
    package func precedent(
        producer id: UInt64, sequence: UInt64, floor: UInt64, _ rows: borrowing Transaction
    ) throws -> Precedent {
        var producer = try load(producer: id, rows)
        producer.lastUsed = stamp.now
        if floor > producer.floor {
            producer.floor = floor
            producer.runs.removeAll { $0.end <= floor }
            if !producer.mixed.isEmpty {
                producer.mixed = producer.mixed.filter { $0.key >= floor }
            }
            producer.isChanged = true
        }
        producers[id] = producer
        if sequence < producer.floor { return .forgotten(floor: producer.floor) }
        if sequence - producer.floor >= EngineLimits.producerWindowMax {
            return .tooFarAhead(floor: producer.floor)
        }
        if let run = producer.runs.last(where: { $0.sequence <= sequence && sequence < $0.end }) {
            let first = run.firstJob + (sequence - run.sequence) * UInt64(run.jobs)
            return .jobs(JobRun(first: first, count: run.jobs))
        }
        return producer.mixed[sequence].map { .reply($0) } ?? .none
    }

    /// Remembers that a request was accepted whole.
    package func remember(producer id: UInt64, sequence: UInt64, _ jobs: JobRun) {
        guard var producer = producers.removeValue(forKey: id) else { return }
        let last = producer.runs.indices.last
        if let last, producer.runs[last].end == sequence, producer.runs[last].jobs == jobs.count,
            producer.runs[last].endJob == jobs.first
        {
            producer.runs[last].requests += 1
        } else {
            producer.runs.append(
                AnswerRun(sequence: sequence, requests: 1, jobs: jobs.count, firstJob: jobs.first))
        }
        producer.isChanged = true
        producers[id] = producer
    }

    /// Remembers a reply in which some items were refused.
    package func remember(producer id: UInt64, sequence: UInt64, reply: [UInt8]) {
        producers[id]?.mixed[sequence] = reply
        producers[id]?.isChanged = true
    }

    private func load(producer id: UInt64, _ rows: borrowing Transaction) throws -> Producer {
        if let known = producers[id] { return known }
        if let stored = try rows.get(Tables.producers, .job(id), { try Producer(from: &$0) }) {
            return stored
        }
        try Timer(due: stamp.now + EngineLimits.producerMemory, kind: .producer, id).set(rows)
        return Producer()
    }

    /// Writes the producers that this turn heard of; those quiet for a while leave memory.
    func writeProducers(_ rows: borrowing Transaction) throws {
        for (id, producer) in producers where producer.isChanged {
            try rows.put(Tables.producers, .job(id)) { producer.write(to: &$0) }
            producers[id]?.isChanged = false
        }
        guard producers.count > EngineLimits.producersInMemoryMax else { return }
        producers.removeAll(keepingCapacity: true)
    }

    func producerExpires(_ timer: Timer, _ rows: borrowing Transaction) throws {
        try timer.unset(rows)
        let producer = try load(producer: timer.first, rows)
        let end = producer.lastUsed + EngineLimits.producerMemory
        if end > stamp.now { return try Timer(due: end, kind: .producer, timer.first).set(rows) }
        producers[timer.first] = nil
        _ = try rows.delete(Tables.producers, .job(timer.first))
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
            mixed[sequence] = Array(try reader.bytes(Int(try reader.u32())))
        }
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
            for byte in reply { writer.u8(byte) }
        }
    }
}
