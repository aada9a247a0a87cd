import Broker
import Foundation
import Logging
import MartletClient
import MartletWire
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

/// A broker in this process, on a directory of its own and a free port.
final class BrokerHarness: Sendable {
    let configuration: BrokerConfiguration
    let endpoint: MartletEndpoint

    private init(_ configuration: BrokerConfiguration, _ endpoint: MartletEndpoint) {
        self.configuration = configuration
        self.endpoint = endpoint
    }

    /// Runs a broker for as long as the body takes, in a directory that is removed afterwards unless it was given.
    static func run(
        in directory: String? = nil, _ change: (inout BrokerConfiguration) -> Void = { _ in },
        _ body: (BrokerHarness) async throws -> Void
    ) async throws {
        let path = directory ?? TemporaryDirectory.make()
        defer { if directory == nil { TemporaryDirectory.remove(path) } }
        var configuration = BrokerConfiguration.small(path)
        change(&configuration)
        let broker = Broker(configuration, logger: .critical)
        let group = ServiceGroup(services: [broker], logger: .critical)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try await broker.address().port ?? 0
            let harness = BrokerHarness(configuration, .martlet(host: "127.0.0.1", port: port))
            do {
                try await body(harness)
                try await harness.verify()
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        try verify(path)
    }

    /// The store that a broker left agrees with itself.
    private static func verify(_ directory: String) throws {
        let store = try ClosedStore(directory)
        let findings = try store.verify()
        try store.close()
        for problem in findings.problems { Issue.record(Comment(rawValue: problem)) }
    }

    /// The store agrees with itself, whatever the test did to it.
    private func verify() async throws {
        let client = try await connect()
        _ = try await client.request(List(limit: 1, isFresh: true), expecting: JobPage.self)
        #expect(try await client.verify().problems == [])
        await client.close()
    }

    func connect(
        session: UInt64 = 0, secret: UInt64 = 0, inbox: PushInbox = PushInbox()
    ) async throws -> WireConnection {
        try await BrokerHarness.connect(
            to: endpoint, session: session, secret: secret, inbox: inbox)
    }

    static func connect(
        to endpoint: MartletEndpoint, session: UInt64 = 0, secret: UInt64 = 0,
        inbox: PushInbox = PushInbox()
    ) async throws -> WireConnection {
        try await connect(
            to: endpoint, hello: Hello(client: "test/1", session: session, secret: secret),
            inbox: inbox)
    }

    static func connect(
        to endpoint: MartletEndpoint, hello: Hello, inbox: PushInbox = PushInbox()
    ) async throws -> WireConnection {
        try await WireConnection.connect(
            to: endpoint, hello: hello, on: MultiThreadedEventLoopGroup.singleton.next(),
            timeout: .seconds(30),
            logger: .critical, onPush: { inbox.append($0) })
    }
}

extension Logger {
    static let critical: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()
}

/// What the server pushed, in order.
final class PushInbox: Sendable {
    private let stream: AsyncStream<Push>
    private let continuation: AsyncStream<Push>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func append(_ push: Push) { continuation.yield(push) }

    fileprivate func next(where isWanted: (Push) -> Bool) async -> Push? {
        for await push in stream where isWanted(push) { return push }
        return nil
    }

    /// The next deliveries, of as many pushes as it takes to have `count` jobs.
    func jobs(_ count: Int) async -> [(token: UInt64, delivery: MartletWire.Delivery, type: String)]
    {
        var found: [(UInt64, MartletWire.Delivery, String)] = []
        for await push in stream {
            guard case .jobs(let jobs) = push else { continue }
            found += jobs.deliveries.map { (jobs.token, $0, jobs.types[Int($0.fields.type)]) }
            if found.count >= count { break }
        }
        return found
    }
}

extension PushInbox {
    /// The next jobs that are to be stopped, of as many pushes as it takes.
    func cancellations(_ count: Int) async -> [Cancellation] {
        var found: [Cancellation] = []
        while found.count < count, case .cancel(let cancels)? = await next(where: \.isCancel) {
            found += cancels.items
        }
        return found
    }

    /// The next events, of as many pushes as it takes.
    func events(_ count: Int) async -> [JobEvent] {
        var found: [JobEvent] = []
        while found.count < count, let push = await nextEvents() { found += push.events }
        return found
    }

    /// The next push of events, those aside that only say where a watch begins.
    func nextEvents() async -> Events? {
        guard case .events(let events)? = await next(where: { $0.isEvents && !$0.isPlace }) else {
            return nil
        }
        return events
    }

    /// Where the watch that was asked for begins.
    func nextPlace() async -> UInt64? {
        guard case .events(let events)? = await next(where: \.isPlace) else { return nil }
        return events.next
    }
}

extension Push {
    fileprivate var isCancel: Bool { if case .cancel = self { true } else { false } }

    fileprivate var isEvents: Bool { if case .events = self { true } else { false } }

    fileprivate var isPlace: Bool {
        guard case .events(let events) = self else { return false }
        return events.events.isEmpty && events.missed == 0
    }
}

extension BrokerConfiguration {
    /// For a store that need not be ready for much: many are made.
    static func small(_ directory: String) -> BrokerConfiguration {
        var configuration = BrokerConfiguration(directory: directory, port: 0)
        configuration.segmentBytes = 4 << 20
        configuration.reserveBytes = 4 << 20
        configuration.drainMilliseconds = 1
        return configuration
    }
}

enum TemporaryDirectory {
    /// - Parameter onDisk: whether it has to be one to which the kernel writes by itself, if there is any.
    static func make(onDisk: Bool = false) -> String {
        let parent = onDisk ? TestDisk.writtenByKernel ?? TestDisk.path : TestDisk.path
        return parent + "/martlet-test-" + UUID().uuidString
    }

    static func remove(_ path: String) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            Issue.record("\(path) could not be removed: \(error)")
        }
    }
}

extension Submit {
    /// Jobs with these texts as payloads.
    init(
        _ queue: String, _ payloads: [String], type: String = "test",
        options: SubmitOptions = SubmitOptions()
    ) {
        self.init(
            queue: queue, type: type,
            items: payloads.map { SubmitItem(payload: .plain(ByteBuffer(string: $0))) },
            options: options)
    }
}

extension WireConnection {
    /// Submits jobs of which all must be accepted.
    func submitAll(_ submit: Submit) async throws -> [JobID] {
        try await request(submit, expecting: Submitted.self).results.map { try $0.get() }
    }

    func submit(_ submit: Submit) async throws -> Submitted {
        try await request(submit, expecting: Submitted.self)
    }

    /// Why a request was refused; nil when it was not.
    func refusal<Reply: Message>(
        _ request: some Message, expecting reply: Reply.Type = Done.self
    ) async -> ErrorCode? {
        do throws(MartletError) {
            _ = try await self.request(request, expecting: reply)
            return nil
        } catch {
            return ErrorCode(rawValue: error.code.rawValue)
        }
    }

    func done(_ request: some Message) async throws {
        _ = try await self.request(request, expecting: Done.self)
    }

    func job(_ id: JobID) async throws -> JobInfo {
        try await request(Get(id: id, parts: []), expecting: JobInfo.self)
    }

    func queueInfo(_ name: String) async throws -> QueueInfo {
        try await request(Queues(queue: name), expecting: QueuePage.self).queues[0]
    }

    /// What became of each job, nil for one that is gone.
    func act(
        _ action: JobAction, _ ids: [JobID], _ options: ActOptions = ActOptions()
    ) async throws -> [Result<JobState?, WireError>] {
        try await request(Act(action, ids: ids, options: options), expecting: Acted.self).results
    }

    func subscribe(_ queue: String, credit: UInt32, lease: UInt32 = 0) async throws {
        let message = Subscribe(
            subscription: 1, queue: queue, creditJobs: credit, creditBytes: 64 << 20,
            leaseMilliseconds: lease)
        _ = try await request(message, expecting: Done.self)
    }

    /// The outcomes, nil for those carried out.
    func settle(_ items: [MartletWire.Settlement]) async throws -> [WireError?] {
        let settled = try await request(Settle(items: items), expecting: Settled.self)
        return settled.runs.flatMap { Array(repeating: $0.error, count: Int($0.count)) }
    }
}

extension Submitted {
    /// The codes of what was refused, item by item.
    var codes: [ErrorCode?] {
        results.map { if case .failure(let error) = $0 { error.code } else { nil } }
    }

    /// What the errors say of each item: the holder of a key, or how much waits.
    var actuals: [UInt64?] {
        results.map { if case .failure(let error) = $0 { error.actual } else { nil } }
    }
}

extension ByteBuffer {
    /// Bytes that differ from place to place.
    static func pattern(_ count: Int, seed: UInt8 = 0) -> ByteBuffer {
        let piece = (0..<4_099).map { UInt8(truncatingIfNeeded: $0 &* 31) ^ seed }
        var buffer = ByteBuffer()
        while buffer.readableBytes < count {
            buffer.writeBytes(piece.prefix(count - buffer.readableBytes))
        }
        return buffer
    }
}
