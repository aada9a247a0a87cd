import Broker
import Logging
import MartletWire
import NIOCore
import NIOEmbedded

/// A broker's part: frames of 64 jobs come in one by one, and each is a turn of its own. Everything happens on this
/// thread: a phase costs what its turns cost, connection, store and log included.
struct BrokerCost {
    /// What becomes of jobs between the phases.
    enum Kind: String {
        /// They are still in memory, as jobs are that meet a worker.
        case broker
        /// A checkpoint, which each phase ends with, has brought them to the data file, as it does with a backlog.
        case stored
    }

    private let kind: Kind
    private let loop = EmbeddedEventLoop()
    private let channel: EmbeddedChannel
    private let broker: LoopBroker

    private static let queue = "cost"
    private static let creditBytes: UInt32 = 64 << 20

    init(_ kind: Kind, directory: String) throws {
        self.kind = kind
        var configuration = BrokerConfiguration(directory: directory)
        configuration.segmentBytes = 8 << 20
        configuration.reserveBytes = 8 << 20
        // Valgrind has no room for the usual map.
        configuration.mapBytes = 1 << 30
        broker = try LoopBroker(configuration, on: loop, logger: .critical)
        channel = EmbeddedChannel(handlers: [], loop: loop)
        try broker.serve(channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func measure(jobs: Int) throws {
        try greet()
        // What is done once is done here.
        try carryOut(1) { _, _ in }
        _ = try exchange([frame(credit(0), id: 0)])
        phaseEnded("ready")
        try carryOut(jobs / batch, end)
    }

    private func carryOut(_ batches: Int, _ end: (_ phase: String, _ isMeasured: Bool) -> Void)
        throws
    {
        let submissions = (0..<batches).map { frame(submission($0)) }
        let credits = (1...batches).map { frame(credit($0 * batch), id: 0) }
        end("prepared", false)

        let submitted = try exchange(submissions)
        end("submit", true)
        try check(submitted, Submitted.self) { $0.runs.count == 1 && $0.results.count == batch }
        end("checked", false)

        let delivered = try exchange(credits)
        end("deliver", true)
        let settlements = try messages(delivered, Jobs.self).map { frame(settlement(of: $0)) }
        guard settlements.count == batches else {
            throw JobCostError("\(batches) batches came in \(settlements.count)")
        }
        // A worker that could take more has its settlements wait for company.
        _ = try exchange([frame(credit(0), id: 0)])
        end("settlements", false)

        let settled = try exchange(settlements)
        end("settle", true)
        try check(settled, Settled.self) { $0.runs.allSatisfy { $0.error == nil } }
    }

    private func end(_ phase: String, isMeasured: Bool) {
        guard isMeasured else { return phaseEnded(phase) }
        if kind == .stored {
            // A checkpoint is made after ten seconds.
            broker.advance(milliseconds: 11_000)
            loop.advanceTime(by: .seconds(11))
        }
        phaseEnded(kind.rawValue + " " + phase)
    }

    /// Says hello, and subscribes without credit.
    private func greet() throws {
        _ = try exchange([ByteBuffer(bytes: Preface.bytes)])
        let welcome = try exchange([frame(Hello(client: "job-cost/1"))])
        try check(welcome, Welcome.self) { _ in true }
        let subscribe = Subscribe(
            subscription: 1, queue: BrokerCost.queue, creditJobs: 0,
            creditBytes: BrokerCost.creditBytes)
        try check(exchange([frame(subscribe)]), Done.self) { _ in true }
    }

    // MARK: Frames

    private func submission(_ number: Int) -> Submit {
        let items = (0..<batch).map {
            SubmitItem(payload: .plain(.payload(number: number * batch + $0)))
        }
        return Submit(
            queue: BrokerCost.queue, type: "cost", items: items,
            options: .with { $0.retainCompletedMilliseconds = 0 })
    }

    private func credit(_ jobs: Int) -> Credit {
        Credit(subscription: 1, creditJobs: UInt32(jobs), creditBytes: BrokerCost.creditBytes)
    }

    private func settlement(of jobs: Jobs) -> Settle {
        Settle(
            items: jobs.deliveries.map {
                Settlement(id: $0.fields.id, token: jobs.token, .complete(nil))
            })
    }

    private func frame(_ message: some Message, id: UInt64 = 1) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.write(message, requestID: id)
        return buffer
    }

    // MARK: The connection

    /// Sends the frames, each when the one before has been answered.
    private func exchange(_ frames: [ByteBuffer]) throws -> [ByteBuffer] {
        var answers: [ByteBuffer] = []
        answers.reserveCapacity(frames.count)
        for frame in frames {
            try channel.writeInbound(frame)
            loop.run()
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
                answers.append(bytes)
            }
        }
        return answers
    }

    private func messages<Answer: Message>(
        _ answers: [ByteBuffer], _ type: Answer.Type
    ) throws -> [Answer] {
        var messages: [Answer] = []
        for var bytes in answers {
            while let frame = bytes.readFrame() {
                guard frame.header.opcode == Answer.opcode.rawValue else {
                    throw JobCostError("opcode \(frame.header.opcode) came, not \(Answer.opcode)")
                }
                messages.append(try Answer(body: frame.body))
            }
        }
        return messages
    }

    private func check<Answer: Message>(
        _ answers: [ByteBuffer], _ type: Answer.Type, _ isGood: (Answer) -> Bool
    ) throws {
        let messages = try messages(answers, type)
        guard !messages.isEmpty, messages.allSatisfy(isGood) else {
            throw JobCostError("a request was not answered as it should be: \(messages)")
        }
    }
}

extension ByteBuffer {
    /// 256 bytes that differ from job to job.
    static func payload(number: Int) -> ByteBuffer {
        var buffer = ByteBuffer(integer: UInt64(number))
        buffer.writeBytes((8..<256).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) })
        return buffer
    }
}
