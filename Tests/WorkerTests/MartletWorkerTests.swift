import Logging
import MartletClient
import MartletWire
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing

@testable import MartletWorker

/// The whole worker, against a server that does what the test says.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct MartletWorkerTests {
    // MARK: A job's way

    @Test func `a typed job is decoded, handled, and its output sent`() async throws {
        struct Shout: Job {
            static let type = "shout"
            typealias Output = String
            var word: String
        }
        let handler = Handler(Shout.self) { job, _ in job.word.uppercased() }
        try await withWorker(handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1], type: "shout", payload: .plain(#"{"word":"hey"}"#))
            #expect(try await peer.settle() == [.test(1, .complete(.plain("HEY")))])
            peer.deliver([2], type: "shout", payload: .plain(#"{"wort":"hey"}"#))
            let reason = try #require(try await peer.settle().first?.failure)
            #expect(reason.contains("word"))
        }
    }

    @Test func `a raw handler gets the bytes, and the context says what the job is`() async throws {
        let handler = Handler("echo") { payload, context in
            #expect(context.id.description == "000000000009")
            #expect(context.queue == "q" && context.type == "echo")
            #expect(context.attempt == 7)
            #expect(context.failures == 1 && context.crashes == 2 && context.interruptions == 3)
            #expect(context.leaseToken == TestWorker.token)
            #expect(context.deadline == nil && context.cancellationReason == nil)
            return payload
        }
        try await withWorker(handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([9])
            #expect(try await peer.settle() == [.test(9, .complete(.plain("payload")))])
        }
    }

    @Test func `payloads are inflated and large results compressed`() async throws {
        let text = ByteBuffer(string: String(repeating: "martlet ", count: 1_000))
        let packer = PayloadPacker(compressesFrom: 0)
        let packed = try packer.pack(text, limit: 1 << 20)
        #expect(packed.codec == .zstd)
        try await withWorker(handlers: [.echo]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1], payload: packed)
            let settlement = try await peer.settle().first
            guard case .complete(let result?) = settlement?.verdict else {
                Issue.record("not completed: \(String(describing: settlement))")
                return
            }
            #expect(result.codec == .zstd)
            #expect(try packer.unpack(result, limit: 1 << 20) == text)
        }
    }

    @Test func `a type that no handler takes fails with its name, unless one takes any`()
        async throws
    {
        try await withWorker(handlers: [.echo]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1], type: "other")
            let reason = try await peer.settle().first?.failure
            #expect(reason == "no handler for type other in this worker")
        }
        let any = Handler.anyType { _, context in ByteBuffer(string: context.type) }
        try await withWorker(handlers: [.echo, any]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1], type: "other")
            #expect(try await peer.settle() == [.test(1, .complete(.plain("other")))])
        }
    }

    @Test func `a damaged payload reaches no handler`() async throws {
        let handler = Handler("echo") { payload, _ in
            Issue.record("the handler was called")
            return payload
        }
        try await withWorker(handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber()
            var payload = Payload.plain("payload")
            payload.checksum ^= 1
            peer.deliver([1], payload: payload)
            let reason = try #require(try await peer.settle().first?.failure)
            #expect(reason.contains("CRC32C"))
        }
    }

    @Test func `an error becomes the reason, with its type, and no longer than allowed`()
        async throws
    {
        struct Broken: Error { let what: String }
        let handler = Handler("echo") { payload, _ in
            throw Broken(what: String(repeating: "é", count: payload.readableBytes))
        }
        try await withWorker(handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            let reason = try await peer.settle().first?.failure
            #expect(reason == #"Broken: Broken(what: "ééééééé")"#)
            peer.deliver([2], payload: .plain(String(repeating: "x", count: 5_000)))
            let long = try #require(try await peer.settle().first?.failure)
            #expect((8_190...Limits.reasonBytesMax).contains(long.utf8.count))
        }
    }

    @Test func `a result above the server's limit fails and names it`() async throws {
        let handler = Handler("echo") { _, _ in ByteBuffer(repeating: 7, count: 1_001) }
        try await withWorker(handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber(payloadBytesMax: 1_000)
            peer.deliver([1])
            let reason = try #require(try await peer.settle().first?.failure)
            #expect(reason.contains("1,001") && reason.contains("1,000"))
        }
    }

    @Test func `progress reaches the server while the handler runs`() async throws {
        let gate = Gate()
        let handler = Handler("echo") { payload, context in
            try await context.progress(0.25, "a quarter")
            await gate.wait()
            return payload
        }
        try await withWorker(handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            let (news, id) = try await peer.find(ProgressMessage.self)
            #expect(news.progress == JobProgress(done: 2_500, message: "a quarter"))
            peer.send(Done(), id: id)
            gate.open()
            #expect(try await peer.settle().count == 1)
        }
    }

    @Test func `slots are never exceeded and every job is settled once`() async throws {
        let gate = Gate()
        let handler = Handler("echo") { payload, _ in
            await gate.wait()
            return payload
        }
        try await withWorker(slots: 3, handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver(1...50)
            for _ in 1...50 { gate.open() }
            var settled: [UInt64] = []
            while settled.count < 50 {
                settled += try await peer.settle().map(\.id.rawValue)
            }
            #expect(settled.sorted() == Array(1...50))
            #expect(gate.most <= 3)
        }
    }

    // MARK: Leases

    @Test func `a lease is extended at a third, and its loss cancels the handler`() async throws {
        let clock = ManualClock()
        let gate = Gate()
        let handler = Handler("echo") { payload, context in
            await gate.wait()
            guard Task.isCancelled else { return payload }
            #expect(context.cancellationReason == .leaseLost)
            throw CancellationError()
        }
        try await withWorker(handlers: [handler], clock: clock) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            await gate.arrived()
            for _ in 1...3 {
                clock.advance(.seconds(10))
                #expect(try await peer.settle() == [.test(1, .extend(milliseconds: 30_000))])
            }
            clock.advance(.seconds(10))
            _ = try await peer.settle(.leaseLost)
            // Of the lost job nothing more is heard; the slot is free for the next.
            peer.deliver([2])
            await gate.arrived()
            gate.open()
            #expect(try await peer.settle() == [.test(2, .complete(.plain("payload")))])
        }
    }

    @Test func `a handler that takes too long is cancelled with the reason`() async throws {
        let clock = ManualClock()
        let gate = Gate()
        let handler = Handler("echo") { payload, context in
            #expect(context.deadline != nil)
            await gate.wait()
            #expect(context.cancellationReason == .timeout)
            try Task.checkCancellation()
            return payload
        }
        var configuration = MartletWorker.Configuration()
        configuration.timeout = .seconds(5)
        try await withWorker(configuration, handlers: [handler], clock: clock) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            await gate.arrived()
            clock.advance(.seconds(5))
            #expect(
                try await peer.settle() == [.test(1, .fail("timed out after 5.0 s", "Timeout"))])
        }
    }

    // MARK: The connection

    @Test func `a handler outlives its connection and is settled on the next`() async throws {
        let gate = Gate()
        let handler = Handler("echo") { payload, context in
            await gate.wait()
            try Task.checkCancellation()
            return payload
        }
        try await withWorker(handlers: [handler]) { server, _ in
            let first = try await server.acceptSubscriber()
            first.deliver([1])
            await gate.arrived()
            try await first.close()
            let second = try await server.accept()
            let (hello, helloID) = try await second.receive(Hello.self)
            #expect(hello.session == 7 && hello.secret == 8)
            second.welcome(id: helloID, resumed: true)
            let (subscribe, _) = try await second.find(Subscribe.self)
            #expect(subscribe.creditJobs == 0)
            #expect(try await second.settle() == [.test(1, .extend(milliseconds: 30_000))])
            gate.open()
            #expect(try await second.settle() == [.test(1, .complete(.plain("payload")))])
            let (credit, _) = try await second.find(Credit.self)
            #expect(credit.creditJobs >= 1)
        }
    }

    @Test func `a worker says what it holds, and stops what the server does not`() async throws {
        let gate = Gate()
        let reasons = AsyncStream.makeStream(of: CancellationReason?.self)
        let handler = Handler("echo") { payload, context in
            await gate.wait()
            reasons.continuation.yield(context.cancellationReason)
            return payload
        }
        try await withWorker(slots: 2, handlers: [handler]) { server, _ in
            let first = try await server.acceptSubscriber()
            first.deliver([1, 2])
            await gate.arrived()
            await gate.arrived()
            try await first.close()
            let second = try await server.acceptAndWelcome(resumed: true)
            let (holding, id) = try await second.find(Holding.self)
            #expect(holding == .test([1...2]))
            let answers = [Settled.Run(count: 1), Settled.Run(count: 1, error: .leaseLost)]
            second.send(Settled(runs: answers), id: id)
            var iterator = reasons.stream.makeAsyncIterator()
            #expect(await iterator.next() == .leaseLost)
            gate.open()
            #expect(await iterator.next() == .some(nil))
        }
    }

    @Test func `a server that knows nothing of holdings is no reason to stop`() async throws {
        try await withWorker(handlers: [.echo]) { server, _ in
            let first = try await server.acceptSubscriber()
            try await first.close()
            let second = try await server.acceptSubscriber(resumed: true)
            let (_, id) = try await second.find(Holding.self)
            second.send(ErrorMessage(WireError.unknownOpcode(0x23)), id: id)
            second.deliver([1])
            #expect(try await second.settle() == [.test(1, .complete(.plain("payload")))])
        }
    }

    @Test func `a session that is gone cancels its handlers`() async throws {
        let gate = Gate()
        let reasons = AsyncStream.makeStream(of: CancellationReason?.self)
        let handler = Handler("echo") { payload, context in
            await gate.wait()
            reasons.continuation.yield(context.cancellationReason)
            return payload
        }
        try await withWorker(handlers: [handler]) { server, _ in
            let first = try await server.acceptSubscriber()
            first.deliver([1])
            await gate.arrived()
            try await first.close()
            _ = try await server.acceptSubscriber(resumed: false)
            var iterator = reasons.stream.makeAsyncIterator()
            #expect(await iterator.next() == .leaseLost)
        }
    }

    @Test func `a settlement without an answer is sent again on the next connection`() async throws
    {
        try await withWorker(handlers: [.echo]) { server, _ in
            let first = try await server.acceptSubscriber()
            first.deliver([1])
            _ = try await first.find(Settle.self)
            try await first.close()
            let second = try await server.acceptSubscriber(resumed: true)
            #expect(try await second.settle() == [.test(1, .complete(.plain("payload")))])
        }
    }

    @Test func `a worker that starts before its server waits for it`() async throws {
        let reserved = try ReservedPort()
        try await withWorker(at: reserved.endpoint, handlers: [.echo]) { _ in
            let server = try await ScriptedServer.start(port: reserved.port)
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            #expect(try await peer.settle().count == 1)
            try await server.stop()
        }
    }

    @Test func `a worker that was told not to wait ends with the error`() async throws {
        let reserved = try ReservedPort()
        var configuration = MartletWorker.Configuration()
        configuration.waitsForServer = false
        let worker = MartletWorker(
            reserved.endpoint, queues: ["q": 1], configuration: configuration, logger: .quiet
        ) { Handler.echo }
        let error = await #expect(throws: MartletError.self) { try await worker.run() }
        #expect(error?.code == .cannotConnect)
    }

    @Test func `a subscription that the server refuses for good ends the worker`() async throws {
        let server = try await ScriptedServer.start()
        let worker = MartletWorker(server.endpoint, queues: ["q": 1], logger: .quiet) {
            Handler.echo
        }
        async let refusal: Void = {
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.find(Subscribe.self)
            peer.send(ErrorMessage(WireError(.tooManyQueues, "65,536 are enough")), id: id)
            let (_, byeID) = try await peer.find(Bye.self)
            peer.send(Done(), id: byeID)
        }()
        let error = await #expect(throws: MartletError.self) { try await worker.run() }
        #expect(error?.message == "65,536 are enough")
        try await refusal
        try await server.stop()
    }

    @Test func `a subscription that can't be made now is made on another connection`() async throws
    {
        try await withWorker(handlers: [.echo]) { server, _ in
            let first = try await server.acceptAndWelcome()
            let (_, id) = try await first.find(Subscribe.self)
            first.send(ErrorMessage(WireError(.unavailable, "no broker now")), id: id)
            let second = try await server.acceptSubscriber()
            second.deliver([1])
            #expect(try await second.settle().count == 1)
        }
    }

    @Test func `a queue's name that is none is found out before there is a connection`() async {
        let worker = MartletWorker(
            .martlet(host: "127.0.0.1", port: 1), queues: ["*": 1], logger: .quiet
        ) {
            Handler.echo
        }
        let error = await #expect(throws: MartletError.self) { try await worker.run() }
        #expect(error?.code == .queueNameInvalid)
    }

    // MARK: The end

    @Test func `a shutdown gives back what waits, lets the rest finish, and leaves`() async throws {
        let gate = Gate()
        let handler = Handler("echo") { payload, _ in
            await gate.wait()
            try Task.checkCancellation()
            return payload
        }
        try await withWorker(handlers: [handler]) { server, services in
            let peer = try await server.acceptSubscriber()
            peer.deliver(1...3)
            await gate.arrived()
            await services.triggerGracefulShutdown()
            let (_, drainID) = try await peer.find(Drain.self)
            #expect(drainID == 0)
            #expect(try await peer.settle() == [.test(2, .release), .test(3, .release)])
            gate.open()
            #expect(try await peer.settle() == [.test(1, .complete(.plain("payload")))])
            let (_, byeID) = try await peer.find(Bye.self)
            peer.send(Done(), id: byeID)
        }
    }

    @Test func `a shutdown cancels handlers that take too long, and their jobs are not spent`()
        async throws
    {
        let clock = ManualClock()
        let gate = Gate()
        let handler = Handler("echo") { payload, context in
            await gate.wait()
            #expect(context.cancellationReason == .shutdown)
            try Task.checkCancellation()
            return payload
        }
        try await withWorker(handlers: [handler], clock: clock) { server, services in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            await gate.arrived()
            await services.triggerGracefulShutdown()
            _ = try await peer.find(Drain.self)
            clock.advance(.seconds(30))
            var verdicts: [Settlement.Verdict] = []
            while !verdicts.contains(.release) {
                verdicts += try await peer.settle().map(\.verdict)
            }
            let (_, byeID) = try await peer.find(Bye.self)
            peer.send(Done(), id: byeID)
        }
    }

    @Test func `cancelling the worker's task cancels its handlers and ends the session`()
        async throws
    {
        let gate = Gate()
        let reasons = AsyncStream.makeStream(of: CancellationReason?.self)
        let handler = Handler("echo") { payload, context in
            await gate.wait()
            reasons.continuation.yield(context.cancellationReason)
            return payload
        }
        let server = try await ScriptedServer.start()
        let worker = MartletWorker(server.endpoint, queues: ["q": 1], logger: .quiet) { handler }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            await gate.arrived()
            group.cancelAll()
            _ = try await peer.find(Bye.self)
            var iterator = reasons.stream.makeAsyncIterator()
            #expect(await iterator.next() == .shutdown)
        }
        try await server.stop()
    }
}
