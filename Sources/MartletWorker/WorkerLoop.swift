import Logging
import MartletClient
import MartletWire
import NIOCore

/// Feeds the machine with events and does what it says. One task owns it; everything slow runs in
/// child tasks that come back with an event.
struct WorkerLoop: ~Copyable {
    private var machine: WorkerMachine
    private var connection: WireConnection?
    private var attempts: [JobKey: Attempt] = [:]
    private var payloadBytesMax = Limits.payloadBytesMax
    /// The earliest time at which a timer will post an event.
    private var timer = NIODeadline.distantFuture

    private let runner: JobRunner
    private let mailbox: Mailbox<WorkerEvent>
    private let clock: WorkerClock
    private let logger: Logger
    private let onSubscribed: @Sendable (_ queue: String) -> Void

    /// How long the server has to answer `BYE`.
    private static let byeTimeout = TimeAmount.seconds(2)

    init(
        machine: consuming WorkerMachine, runner: JobRunner, mailbox: Mailbox<WorkerEvent>,
        clock: WorkerClock, logger: Logger, onSubscribed: @escaping @Sendable (String) -> Void
    ) {
        self.machine = machine
        self.runner = runner
        self.mailbox = mailbox
        self.clock = clock
        self.logger = logger
        self.onSubscribed = onSubscribed
    }

    /// Returns when the worker has left the server in good order.
    ///
    /// - Throws: why it can't go on.
    mutating func run(in tasks: inout DiscardingTaskGroup) async throws(MartletError) {
        while true {
            for event in await mailbox.take() {
                if case .stop(let error) = event { return try await stop(error) }
                handle(event, in: &tasks)
            }
            for action in machine.flush(clock.now()) {
                await perform(action, in: &tasks)
            }
            if machine.hasEnded { return }
            setTimer(in: &tasks)
        }
    }

    /// The task was cancelled, or there is no use in going on: the server takes back at once what
    /// is held.
    private func stop(_ error: MartletError?) async throws(MartletError) {
        for attempt in attempts.values { attempt.cancel(.shutdown) }
        await connection?.leave(deadline: .now() + Self.byeTimeout)
        if let error { throw error }
    }

    // MARK: Events

    private mutating func handle(_ event: WorkerEvent, in tasks: inout DiscardingTaskGroup) {
        let now = clock.now()
        switch event {
        case .connected(let connection, let welcome):
            self.connection = connection
            payloadBytesMax = Int(welcome.limits.payloadBytesMax)
            machine.connected(welcome, now)
        case .disconnected:
            connection = nil
            machine.disconnected(now)
        case .pushed(.jobs(let jobs)):
            machine.delivered(jobs, now)
        case .pushed(.cancel(let cancellations)):
            machine.cancelled(cancellations.items)
        case .pushed(.events):
            break  // It watches nothing.
        case .pushed(.draining(let draining)):
            moveOn(draining, in: &tasks)
        case .pushed(.welcome(let welcome)):
            payloadBytesMax = Int(welcome.limits.payloadBytesMax)
            machine.limitsChanged(welcome.limits)
        case .held(let holding, let settled):
            machine.held(holding, settled.errors)
        case .settled(let number, let settled):
            machine.settled(number, settled.errors, now)
        case .settleFailed(let number, let error):
            machine.settleFailed(number, WireError(error), now)
        case .noted(let key, let note):
            machine.noted(key, note)
        case .noteAnswered(let key, let leaseLost):
            machine.noteAnswered(key, leaseLost: leaseLost)
        case .finished(let key, let result):
            attempts.removeValue(forKey: key)?.close()
            machine.finished(key, result, now)
        case .timerFired(let deadline):
            if deadline == timer { timer = .distantFuture }
            machine.tick(now)
        case .shutdown:
            machine.shutdown(now)
        case .stop:
            break
        }
    }

    /// The server is going away: some time before it does, at a random moment so that not all come
    /// at once, the worker looks for another.
    private func moveOn(_ draining: Draining, in tasks: inout DiscardingTaskGroup) {
        guard let connection else { return }
        let delay = Int64.random(in: 0...Int64(draining.milliseconds))
        let deadline = clock.now() + .milliseconds(delay)
        tasks.addTask { [clock] in
            await clock.sleep(deadline)
            await connection.close()
        }
    }

    private mutating func setTimer(in tasks: inout DiscardingTaskGroup) {
        let deadline = machine.nextDeadline
        guard deadline < timer else { return }
        timer = deadline
        tasks.addTask { [clock, mailbox] in
            await clock.sleep(deadline)
            mailbox.post(.timerFired(deadline))
        }
    }

    // MARK: Actions

    private mutating func perform(
        _ action: WorkerAction, in tasks: inout DiscardingTaskGroup
    ) async {
        switch action {
        case .hold(let holdings): request(holdings, in: &tasks)
        case .subscribe(let subscribe): request(subscribe, in: &tasks)
        case .credit(let credit): await connection?.send(credit)
        case .drain: await connection?.send(Drain())
        case .settle(let number, let settle): request(settle, number, in: &tasks)
        case .note(let key, let note): request(key, note, in: &tasks)
        case .start(let job, let timeoutAt): start(job, timeoutAt: timeoutAt, in: &tasks)
        case .cancel(let key, let reason): cancel(key, reason)
        case .refused(let key, let error):
            logger.warning(
                "the server did not take a job's outcome",
                metadata: ["job": "\(key.id)", "reason": "\(error)"])
        case .outcomesLost(let count):
            logger.warning(
                "the session ended before these jobs were settled; they will run again",
                metadata: ["jobs": "\(count)"])
        case .leave:
            await connection?.leave(deadline: .now() + Self.byeTimeout)
        }
    }

    private mutating func start(
        _ job: DeliveredJob, timeoutAt: NIODeadline?, in tasks: inout DiscardingTaskGroup
    ) {
        let deadline = timeoutAt.map {
            ContinuousClock.now + .nanoseconds(($0 - clock.now()).nanoseconds)
        }
        let attempt = Attempt(
            job, deadline: deadline, resultBytesMax: payloadBytesMax, logger: logger,
            mailbox: mailbox)
        attempts[job.key] = attempt
        tasks.addTask { [runner, mailbox, connection] in
            let result = await attempt.run { await runner.run(attempt, connection) }
            mailbox.post(.finished(attempt.job.key, result))
        }
    }

    private func cancel(_ key: JobKey, _ reason: CancellationReason) {
        logger.info(
            "cancelling a handler", metadata: ["job": "\(key.id)", "reason": "\(reason)"])
        attempts[key]?.cancel(reason)
    }

    /// One by one: the last of them says that nothing else is held.
    private func request(_ holdings: [Holding], in tasks: inout DiscardingTaskGroup) {
        guard let connection else { return }
        tasks.addTask { [mailbox, logger] in
            do throws(MartletError) {
                for holding in holdings {
                    let settled = try await connection.request(holding, expecting: Settled.self)
                    mailbox.post(.held(holding, settled))
                }
            } catch {
                // The leases then go on until they end.
                logger.debug(
                    "could not say what is held", metadata: ["reason": "\(error.message)"])
            }
        }
    }

    private func request(
        _ settle: Settle, _ number: UInt64, in tasks: inout DiscardingTaskGroup
    ) {
        guard let connection else { return }
        tasks.addTask { [mailbox] in
            do throws(MartletError) {
                let settled = try await connection.request(settle, expecting: Settled.self)
                mailbox.post(.settled(number, settled))
            } catch {
                mailbox.post(.settleFailed(number, error))
            }
        }
    }

    private func request(_ key: JobKey, _ note: Note, in tasks: inout DiscardingTaskGroup) {
        guard let connection else { return }
        let attempt = attempts[key]
        tasks.addTask { [mailbox, logger] in
            var refusal: MartletError?
            do throws(MartletError) {
                try await connection.tell(note, of: key)
            } catch {
                refusal = error
                logger.debug(
                    "the server did not take what a handler said",
                    metadata: ["job": "\(key.id)", "reason": "\(error)"])
                // What the connection's end left unsaid is said on the next one.
                if error.code == .connectionLost { return }
            }
            if case .checkpoint(let checkpoint) = note {
                attempt?.checkpoints.answered(checkpoint.number, refusal)
            }
            mailbox.post(.noteAnswered(key, leaseLost: refusal?.code == .leaseLost))
        }
    }

    private func request(_ subscribe: Subscribe, in tasks: inout DiscardingTaskGroup) {
        guard let connection else { return }
        tasks.addTask { [mailbox, onSubscribed] in
            do throws(MartletError) {
                _ = try await connection.request(subscribe, expecting: Done.self)
                onSubscribed(subscribe.queue)
            } catch {
                // What passes is tried again on another connection; a name that is refused once
                // always is.
                if error.isRetryable {
                    await connection.close()
                } else {
                    mailbox.post(.stop(error))
                }
            }
        }
    }
}

extension WireConnection {
    fileprivate func tell(_ note: Note, of key: JobKey) async throws(MartletError) {
        switch note {
        case .progress(let progress):
            let message = ProgressMessage(id: key.id, token: key.token, progress: progress)
            _ = try await request(message, expecting: Done.self)
        case .log(let lines):
            let message = Log(id: key.id, token: key.token, lines: lines)
            _ = try await request(message, expecting: Done.self)
        case .checkpoint(let checkpoint):
            let message = CheckpointMessage(
                id: key.id, token: key.token, bytes: checkpoint.bytes)
            _ = try await request(message, expecting: Done.self)
        }
    }
}
