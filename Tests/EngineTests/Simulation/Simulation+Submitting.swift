import Store

@testable import Engine

extension Simulation {
    func submit(_ rows: borrowing Transaction) throws {
        guard model.jobs.count < 120, let queue = dice.pick(Simulation.queues) else { return }
        let wish = dice.wish()
        let payload = dice.payload()
        guard !dice.once(in: 3) else { return try submitAlike(queue, payload, wish, rows) }
        for number in 0..<(dice.pick([1, 1, 1, 2, 6]) ?? 1) {
            let bytes = payload + pattern(number / 2, seed: UInt64(number))
            guard try submit(queue, bytes, wish, rows) else { return }
        }
    }

    /// - Returns: false when the queue takes none.
    @discardableResult
    func submit(
        _ queue: String, _ payload: [UInt8], _ wish: Wish, _ rows: borrowing Transaction
    ) throws -> Bool {
        let isDraining = harness.engine.isDraining(try harness.index(queue))
        try expect(
            isDraining == model.queues[queue]?.takesNothing ?? false,
            "queue \(queue) drains: \(isDraining)")
        guard !isDraining else { return false }
        let expected = model.submit(queue, type: "letter", payload: payload, wish)
        let outcome = try harness.submit(queue, payload: payload, wish, rows)
        tell("submit to \(queue), \(payload.count) bytes, \(wish): \(outcome)")
        try expect(outcome == expected, "submitted: \(outcome), not \(expected)")
        return true
    }

    /// Jobs of one submission that differ in their payloads.
    private func submitAlike(
        _ queue: String, _ payload: [UInt8], _ wish: Wish, _ rows: borrowing Transaction
    ) throws {
        var run: SubmittedRun?
        for number in 0..<dice.number(2...8) {
            let isDraining = harness.engine.isDraining(try harness.index(queue))
            guard !isDraining, model.queues[queue]?.takesNothing != true else { break }
            let bytes = payload + pattern(number / 3, seed: UInt64(number))
            let expected = model.submit(queue, type: "letter", payload: bytes, wish)
            let outcome = try harness.submit(queue, payload: bytes, wish, run: &run, rows)
            tell("submit to \(queue) alike, \(bytes.count) bytes, \(wish): \(outcome)")
            try expect(outcome == expected, "submitted: \(outcome), not \(expected)")
        }
        if let run { try harness.engine.end(run, rows) }
    }

    /// A new dictionary takes the place of the active one, which those before need still.
    func register(_ rows: borrowing Transaction) throws {
        let id = UInt32(dice.number(32_768...2_000_000))
        let outcome = try harness.register(id, rows)
        tell("dictionary \(id): \(outcome)")
        guard case .tooMany = outcome else {
            return try expect(outcome == .active, "dictionary \(id): \(outcome)")
        }
    }

    /// A request with a sequence number, new or repeated.
    func submitOnce(_ rows: borrowing Transaction) throws {
        let producer = UInt64(dice.number(1...3))
        let sequence = UInt64(dice.number(1...40))
        guard model.queues["mail"]?.takesNothing != true, model.queues["mail"]?.isLimited != true
        else { return }
        let precedent = try harness.engine.precedent(
            producer: producer, sequence: sequence, floor: 1, rows)
        if let known = producers[producer]?[sequence] {
            return try expect(
                precedent == .jobs(known), "\(sequence) was \(known), not \(precedent)")
        }
        try expect(
            precedent == .none, "\(sequence) of \(producer) is new, not \(precedent)")
        let jobs = JobRun(first: model.nextJob, count: UInt32(dice.number(1...3)))
        for _ in 0..<jobs.count { try submit("mail", [1, 2, 3], Wish(), rows) }
        try harness.engine.remember(producer: producer, sequence: sequence, jobs, rows)
        producers[producer, default: [:]][sequence] = jobs
    }
}

extension Model.Queue {
    var isLimited: Bool { depthMax > 0 || bytesMax > 0 }
    var takesNothing: Bool { isDraining || isGoing }
}

extension Dice {
    mutating func payload() -> [UInt8] {
        pattern(once(in: 9) ? 1_700 + number(0...4_000) : number(1...3), seed: 7)
    }

    /// What is asked for now and then; nil: nothing.
    private mutating func maybe<Choice>(_ chance: Int, _ choice: (inout Dice) -> Choice) -> Choice?
    {
        once(in: chance) ? choice(&self) : nil
    }

    /// Mostly one of short lives, so that few jobs are there at a time.
    mutating func wish() -> Wish {
        var wish = Wish()
        wish.priority = maybe(3) { $0.pick([0, 127, 129, 255]) ?? 0 }
        wish.maxAttempts = maybe(2) { UInt16($0.number(1...3)) }
        wish.maxCrashes = maybe(6) { UInt16($0.number(1...2)) }
        wish.maxInterruptions = maybe(6) { UInt16($0.number(1...2)) }
        wish.backoff = once(in: 10) ? nil : backoff()
        for state in [JobState.completed, .dead, .cancelled, .expired] where !once(in: 20) {
            wish.retain[state] = pick([0, 1_000, 5_000, 12_000])
        }
        wish.delay = maybe(4) { UInt64($0.number(0...8_000)) }
        wish.expires = maybe(5) { UInt64($0.number(1...10_000)) }
        wish.timeout = maybe(5) { UInt64($0.number(1...8_000)) }
        wish.unique = maybe(3) { $0.uniqueWish() }
        wish.tags = once(in: 5) ? ["red"] : []
        wish.headers = once(in: 5) ? ["traceparent", "00-\(number(1...9))"] : []
        return wish
    }

    private mutating func backoff() -> Backoff {
        Backoff(
            kind: pick([.none, .fixed, .exponential]) ?? .none,
            jitter: pick([.none, .full]) ?? .none, factor: pick([100, 150, 300]) ?? 100,
            base: UInt32(number(1...2_000)), cap: UInt32(number(2_000...5_000)))
    }

    private mutating func uniqueWish() -> UniqueWish {
        let scope = pick([UniqueKey.Scope.waiting, .active, .period]) ?? .active
        return UniqueWish(
            key: pick(["a", "b"]) ?? "a", scope: scope,
            policy: pick([.existing, .replace, .reject]) ?? .existing,
            period: scope == .period ? UInt64(number(1...8_000)) : 0, samePayload: once(in: 3))
    }
}
