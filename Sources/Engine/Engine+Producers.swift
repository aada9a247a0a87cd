package import Store

extension Engine {
    /// Looks a request up by its producer and sequence, and forgets what is below the producer's floor.
    /// - Parameter replyBytesUnderWay: bytes of answers that the producer's submissions under way will
    ///   have to be remembered with; they count against its limit.
    package func precedent(
        producer id: UInt64, sequence: UInt64, floor: UInt64, replyBytesUnderWay: Int = 0,
        _ rows: borrowing Transaction
    ) throws -> Precedent {
        var producer = try take(producer: id, rows)
        producer.lastUsed = stamp.now
        for (sequence, bytes) in producer.raise(floor: floor) {
            try deleteAnswer(bytes, producer: id, sequence: sequence, rows)
        }
        let replyBytes = producer.mixed[sequence]
        let precedent = producer.precedent(of: sequence, replyBytesUnderWay: replyBytesUnderWay)
        // One that was never answered is not worth a row.
        put(back: producer, id, isChanged: producer.isStored)
        guard let replyBytes else { return precedent }
        return try readAnswer(replyBytes, producer: id, sequence: sequence, rows)
            .map { .reply($0) } ?? .lost
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
        producer.mixed[sequence] = UInt32(reply.count)
        producer.mixedBytes += reply.count
        put(back: producer, id, isChanged: true)
        try putAnswer(reply, producer: id, sequence: sequence, rows)
    }

    /// Takes a producer out of memory, so that changing it copies nothing; from its row when it is not there.
    private func take(producer id: UInt64, _ rows: borrowing Transaction) throws -> Producer {
        if let known = producers.removeValue(forKey: id) { return known }
        return try readProducer(id, rows) ?? Producer()
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
        for (sequence, bytes) in producer.mixed {
            try deleteAnswer(bytes, producer: timer.first, sequence: sequence, rows)
        }
        _ = try rows.delete(Tables.producers, .job(timer.first))
    }

    private func expire(_ id: UInt64, _ producer: Producer, _ rows: borrowing Transaction) throws {
        let due = producer.lastUsed + EngineLimits.producerMemory
        try Timer(due: due, kind: .producer, id).set(rows)
    }
}
