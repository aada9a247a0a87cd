import MartletWire
import NIOCore

@testable import MartletWorker

/// A machine with a clock that only the test moves.
struct TestWorker: ~Copyable {
    var machine: WorkerMachine
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private(set) var lastActions: [WorkerAction] = []

    static let token: UInt64 = 7

    init(
        slots: KeyValuePairs<String, Int> = ["q": 1], prefetch: Int = 1, timeout: TimeAmount? = nil,
        patience: TimeAmount = .seconds(2)
    ) {
        var settings = WorkerSettings()
        settings.timeout = timeout
        settings.patience = patience
        let lanes = slots.map { WorkerLane(queue: $0.key, slots: $0.value, prefetch: prefetch) }
        machine = WorkerMachine(lanes: lanes, settings: settings)
    }

    /// With a first connection whose subscriptions are made.
    static func connected(
        slots: KeyValuePairs<String, Int> = ["q": 1], prefetch: Int = 1, timeout: TimeAmount? = nil,
        patience: TimeAmount = .seconds(2)
    ) -> TestWorker {
        var worker = TestWorker(
            slots: slots, prefetch: prefetch, timeout: timeout, patience: patience)
        worker.connect()
        _ = worker.flush()
        return worker
    }

    mutating func connect(resumed: Bool = false) {
        machine.connected(
            Welcome(session: 1, secret: 2, isResumed: resumed, serverTime: 0, server: "test"), now)
    }

    mutating func disconnect() {
        machine.disconnected(now)
    }

    mutating func deliver(_ ids: Int..., lane: UInt32 = 0) {
        deliver(ids, lane: lane)
    }

    mutating func deliver(
        _ ids: some Sequence<Int>, lane: UInt32 = 0, options: DeliveryOptions = DeliveryOptions()
    ) {
        machine.delivered(
            Jobs(
                subscription: lane, token: Self.token, leaseMilliseconds: 30_000, types: ["t"],
                deliveries: ids.map { id in
                    Delivery(
                        fields: DeliveryFields(
                            id: JobID(rawValue: UInt64(id)), maxAttempts: 20, createdAt: 0),
                        payload: .plain(ByteBuffer(string: "payload")), options: options)
                }),
            now)
    }

    mutating func advance(_ time: TimeAmount) {
        now = now + time
        machine.tick(now)
    }

    mutating func flush() -> [WorkerAction] {
        lastActions = machine.flush(now)
        return lastActions
    }

    /// Answers the last request that was flushed.
    mutating func answer(_ errors: [WireError?]) {
        guard case .settle(let number, _)? = lastActions.last(where: \.isSettle) else {
            preconditionFailure("no request to answer")
        }
        machine.settled(number, errors, now)
    }
}

extension WorkerAction {
    var isSettle: Bool {
        if case .settle = self { true } else { false }
    }
}

extension [WorkerAction] {
    var started: [UInt64] {
        compactMap { if case .start(let job, _) = $0 { job.key.id.rawValue } else { nil } }
    }

    var cancelled: [UInt64] {
        compactMap { if case .cancel(let key, _) = $0 { key.id.rawValue } else { nil } }
    }

    var settles: [Settle] {
        compactMap { if case .settle(_, let settle) = $0 { settle } else { nil } }
    }

    var settlements: [Settlement] { settles.flatMap(\.items) }

    var holdings: [Holding] {
        flatMap { action -> [Holding] in
            if case .hold(let holdings) = action { holdings } else { [] }
        }
    }

    var credits: [UInt32] {
        compactMap { if case .credit(let credit) = $0 { credit.creditJobs } else { nil } }
    }

    var progress: [UInt16] {
        notes.compactMap { if case .progress(let news) = $0 { news.done } else { nil } }
    }

    var notes: [Note] {
        compactMap { if case .note(_, let note) = $0 { note } else { nil } }
    }
}

extension JobKey {
    static func test(_ id: Int) -> JobKey {
        JobKey(id: JobID(rawValue: UInt64(id)), token: TestWorker.token)
    }
}

extension HandlerResult {
    static func failed(reason: String) -> HandlerResult {
        .failed(FailureReport.report(reason, "Test"))
    }
}

extension Settlement.Verdict {
    static func fail(_ reason: String, _ errorClass: String = "Test") -> Settlement.Verdict {
        .fail(FailureReport.report(reason, errorClass))
    }
}

extension Settlement {
    static func test(_ id: Int, _ verdict: Verdict) -> Settlement {
        Settlement(id: JobID(rawValue: UInt64(id)), token: TestWorker.token, verdict)
    }
}

extension Holding {
    static func test(_ jobs: [ClosedRange<Int>], isComplete: Bool = true) -> Holding {
        Holding(
            isComplete: isComplete,
            runs: jobs.map {
                Run(
                    token: TestWorker.token, first: JobID(rawValue: UInt64($0.lowerBound)),
                    jobs: UInt16($0.count))
            })
    }
}

extension Subscribe {
    static func test(_ subscription: UInt32, _ queue: String, credit: UInt32) -> Subscribe {
        Subscribe(
            subscription: subscription, queue: queue, creditJobs: credit, creditBytes: 64 << 20,
            leaseMilliseconds: 0)
    }
}

extension WireError {
    static let leaseLost = WireError(.leaseLost, "the lease is lost")
}
