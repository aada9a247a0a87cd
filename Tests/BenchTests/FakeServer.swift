import MartletWire
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

/// A server that keeps jobs in memory and delivers them as the protocol says, except for the faults it is told to have.
struct FakeServer {
    struct Faults: OptionSet, Sendable {
        let rawValue: Int

        /// The first job is acknowledged and never delivered.
        static let losesOne = Faults(rawValue: 1)
        /// The first job is delivered twice.
        static let repeatsOne = Faults(rawValue: 2)
        /// A bit of the first job's payload changes.
        static let damagesOne = Faults(rawValue: 4)
        /// The first job's payload is another one, with a checksum of its own.
        static let changesOne = Faults(rawValue: 64)
        /// Says that it reached `memory`, whatever was asked for.
        static let cheats = Faults(rawValue: 8)
        /// Refuses every submission.
        static let isFull = Faults(rawValue: 16)
        /// Answers no submission.
        static let isSilent = Faults(rawValue: 32)
        /// Has no room for another dictionary than the first.
        static let hasOneDictionary = Faults(rawValue: 128)
    }

    let port: Int
    private let seen: NIOLockedValueBox<Seen>

    /// Jobs that came, whatever became of them.
    var submissions: Int { seen.withLockedValue(\.submissions) }

    /// Dictionaries that were registered, in that order.
    var dictionaries: [DictionaryPut] { seen.withLockedValue(\.dictionaries) }

    /// Of those jobs, how many named which dictionary.
    var uses: [UInt32: Int] { seen.withLockedValue(\.uses) }

    struct Seen {
        var submissions = 0
        var dictionaries: [DictionaryPut] = []
        var uses: [UInt32: Int] = [:]
    }

    /// Runs `body` with a server on a free port.
    static func with<Result: Sendable>(
        _ faults: Faults = [], _ body: (FakeServer) async throws -> Result
    ) async throws -> Result {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = threads.next()
        let queues = try await loop.submit { NIOLoopBound(FakeQueues(), eventLoop: loop) }.get()
        let seen = NIOLockedValueBox(Seen())
        let channel = try await ServerBootstrap(group: loop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = FakeConnection(queues.value, faults, seen)
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let result: Swift.Result<Result, any Error>
        do {
            let port = try #require(channel.localAddress?.port)
            result = .success(try await body(FakeServer(port: port, seen: seen)))
        } catch {
            result = .failure(error)
        }
        try await threads.shutdownGracefully()
        return try result.get()
    }
}

/// What all connections share. Belongs to the server's event loop.
private final class FakeQueues {
    var waiting: [String: [Job]] = [:]
    var workers: [FakeConnection] = []
    var submitted: UInt64 = 0

    struct Job {
        var id: JobID
        var payload: Payload
    }

    func deliver() {
        for worker in workers { worker.deliver() }
    }
}

private final class FakeConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let queues: FakeQueues
    private let faults: FakeServer.Faults
    private let seen: NIOLockedValueBox<FakeServer.Seen>
    private var splitter = FrameSplitter(expectsPreface: true, frameBytesMax: Limits.frameBytesMax)
    private var context: ChannelHandlerContext?
    private var out = ByteBuffer()
    private var subscription: Subscribe?
    private var credit = 0
    private var pushes: UInt64 = 0

    init(
        _ queues: FakeQueues, _ faults: FakeServer.Faults,
        _ seen: NIOLockedValueBox<FakeServer.Seen>
    ) {
        self.queues = queues
        self.faults = faults
        self.seen = seen
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        queues.workers.removeAll { $0 === self }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data))
        do {
            while var run = try splitter.nextRun() {
                while let frame = run.readFrame() { try answer(frame) }
            }
        } catch {
            Issue.record(error)
            context.close(promise: nil)
        }
        queues.deliver()
        flush()
    }

    private func answer(_ frame: Frame) throws {
        let id = frame.header.requestID
        switch Opcode(rawValue: frame.header.opcode) {
        case .hello:
            let welcome = Welcome(
                session: 1, secret: 1, isResumed: false, serverTime: 0, server: "fake")
            out.write(welcome, requestID: id)
        case .submit: submit(try Submit(body: frame.body), requestID: id)
        case .subscribe:
            let subscribe = try Subscribe(body: frame.body)
            subscription = subscribe
            credit = Int(subscribe.creditJobs)
            queues.workers.append(self)
            out.write(Done(), requestID: id)
        case .settle:
            let settle = try Settle(body: frame.body)
            credit += settle.items.count
            out.write(Settled(runs: [.init(count: UInt16(settle.items.count))]), requestID: id)
        case .dictionaryGet: get(try DictionaryGet(body: frame.body), requestID: id)
        case .dictionaryPut: put(try DictionaryPut(body: frame.body), requestID: id)
        case .bye: out.write(Done(), requestID: id)
        default: Issue.record("unexpected opcode \(frame.header.opcode)")
        }
    }

    private func submit(_ submit: Submit, requestID: UInt64) {
        seen.withLockedValue { seen in
            seen.submissions += submit.items.count
            for item in submit.items { seen.uses[item.payload.dictionary, default: 0] += 1 }
        }
        if faults.contains(.isSilent) { return }
        if faults.contains(.isFull) {
            out.write(
                ErrorMessage(WireError(.storeFull, "the store is full")), requestID: requestID)
            return
        }
        let first = JobID(rawValue: queues.submitted + 1)
        for item in submit.items {
            queues.submitted += 1
            let id = JobID(rawValue: queues.submitted)
            queues.waiting[submit.queue, default: []].append(
                FakeQueues.Job(id: id, payload: item.payload))
        }
        let durability = faults.contains(.cheats) ? Durability.memory : submit.durability
        let run = Submitted.Run.accepted(first: first, count: UInt16(submit.items.count))
        out.write(Submitted(durability: durability, runs: [run]), requestID: requestID)
    }

    private var active: DictionaryPut? { seen.withLockedValue(\.dictionaries.last) }

    private func get(_ get: DictionaryGet, requestID: UInt64) {
        guard let active else {
            let error = WireError.dictionaryUnknown(0)
            return out.write(ErrorMessage(error), requestID: requestID)
        }
        answer(active, withBytes: active.id != get.known, requestID)
    }

    private func put(_ put: DictionaryPut, requestID: UInt64) {
        let activeID = active?.id ?? 0
        if put.replaces != activeID {
            let error = WireError.dictionaryExists(activeID, type: put.type)
            return out.write(ErrorMessage(error), requestID: requestID)
        }
        if faults.contains(.hasOneDictionary), activeID != 0 {
            let error = WireError(.tooManyDictionaries, "there is one already")
            return out.write(ErrorMessage(error), requestID: requestID)
        }
        seen.withLockedValue { $0.dictionaries.append(put) }
        answer(put, withBytes: false, requestID)
    }

    private func answer(_ dictionary: DictionaryPut, withBytes: Bool, _ requestID: UInt64) {
        let info = DictionaryInfo(
            id: dictionary.id ?? 0, type: dictionary.type, version: 1, state: .active,
            createdAt: 1, byteCount: UInt32(dictionary.bytes.readableBytes),
            checksum: dictionary.checksum)
        let bytes = withBytes ? dictionary.bytes : ByteBuffer()
        out.write(DictionaryMessage(info: info, bytes: bytes), requestID: requestID)
    }

    func deliver() {
        guard let subscription, let jobs = queues.waiting[subscription.queue], !jobs.isEmpty,
            credit > 0
        else { return }
        let taken = Array(jobs.prefix(credit))
        queues.waiting[subscription.queue] = Array(jobs.dropFirst(taken.count))
        let deliveries = taken.flatMap(deliveries)
        credit -= deliveries.count
        guard !deliveries.isEmpty else { return }
        pushes += 1
        let push = Jobs(
            subscription: subscription.subscription, token: pushes, leaseMilliseconds: 30_000,
            types: ["bench"], deliveries: deliveries)
        out.write(push, requestID: pushes, splitBytes: 4_096)
        flush()
    }

    private func deliveries(of job: FakeQueues.Job) -> [Delivery] {
        let fields = DeliveryFields(id: job.id, maxAttempts: 20, createdAt: 0)
        var delivery = Delivery(fields: fields, payload: job.payload)
        guard job.id.rawValue == 1 else { return [delivery] }
        var changed = job.payload.bytes
        changed.setInteger(UInt8(ascii: "x"), at: changed.writerIndex - 3)
        if faults.contains(.damagesOne) { delivery.payload.bytes = changed }
        if faults.contains(.changesOne) { delivery.payload = .plain(changed) }
        if faults.contains(.losesOne) { return [] }
        return faults.contains(.repeatsOne) ? [delivery, delivery] : [delivery]
    }

    private func flush() {
        guard let context, out.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        out.clear()
    }
}
