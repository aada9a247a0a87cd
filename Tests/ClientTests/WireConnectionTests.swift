import Logging
import MartletWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import MartletClient

@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct WireConnectionTests {
    private let logger = Logger(label: "test")

    @Test func `a connection knows what the server said about session and limits`() async throws {
        var limits = ServerLimits()
        limits.payloadBytesMax = 1_000
        let (connection, _) = try await connect(limits: limits)
        let welcome = await connection.welcome
        #expect(welcome.session == 7)
        #expect(welcome.limits.payloadBytesMax == 1_000)
        await connection.close()
    }

    @Test func `HELLO names the program and its token`() async throws {
        let server = try await ScriptedServer.start()
        async let connecting = connect(
            to: server.endpoint, hello: Hello(client: "tool/1", token: "secret"))
        let peer = try await server.accept()
        let (hello, id) = try await peer.receive(Hello.self)
        #expect(hello.client == "tool/1")
        #expect(hello.token == "secret")
        peer.welcome(id: id)
        await (try connecting).close()
    }

    @Test func `replies find their requests in whatever order they come`() async throws {
        let (connection, peer) = try await connect()
        let tasks = (1...20).map { number in
            Task {
                try await connection.request(
                    Get(id: JobID(rawValue: number)), expecting: JobInfo.self)
            }
        }
        var asked: [(Get, id: UInt64)] = []
        for _ in tasks { asked.append(try await peer.receive(Get.self)) }
        for (get, id) in asked.shuffled() { peer.send(job(get.id), id: id) }
        for (number, task) in zip(1..., tasks) {
            #expect(try await task.value.id.rawValue == UInt64(number))
        }
        await connection.close()
    }

    @Test func `an error answers one request and leaves the connection as it was`() async throws {
        let (connection, peer) = try await connect()
        let refused = Task {
            try await connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        }
        let (get, id) = try await peer.receive(Get.self)
        peer.send(ErrorMessage(WireError.jobNotFound(get.id)), id: id)
        #expect(await failure(of: refused)?.code == .jobNotFound)

        async let answered = connection.request(
            Get(id: JobID(rawValue: 2)), expecting: JobInfo.self)
        let (next, nextID) = try await peer.receive(Get.self)
        peer.send(job(next.id), id: nextID)
        #expect(try await answered.id.rawValue == 2)
        await connection.close()
    }

    @Test func `an error that closes ends every request with it`() async throws {
        let (connection, peer) = try await connect()
        let tasks = (1...5).map { number in
            Task {
                try await connection.request(
                    Get(id: JobID(rawValue: number)), expecting: JobInfo.self)
            }
        }
        for _ in tasks { _ = try await peer.receive(Get.self) }
        peer.send(ErrorMessage(ClosingError.sessionTaken()), id: 0)
        for task in tasks {
            #expect(await failure(of: task)?.code.rawValue == 7)
        }
        #expect(await connection.waitUntilClosed().code.rawValue == 7)
        try await peer.waitUntilClosed()
    }

    @Test func `a broken connection ends every request`() async throws {
        let (connection, peer) = try await connect()
        let tasks = (1...50).map { number in
            Task {
                try await connection.request(
                    Get(id: JobID(rawValue: number)), expecting: JobInfo.self)
            }
        }
        for _ in tasks { _ = try await peer.receive(Get.self) }
        try await peer.close()
        for task in tasks {
            #expect(await failure(of: task)?.code == .connectionLost)
        }
        let late = Task {
            try await connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        }
        #expect(await failure(of: late)?.code == .connectionLost)
    }

    @Test func `a cancelled task stops waiting and the late reply is dropped`() async throws {
        let (connection, peer) = try await connect()
        let task = Task {
            try await connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        }
        let (get, id) = try await peer.receive(Get.self)
        task.cancel()
        #expect(await failure(of: task)?.code == .cancelled)

        peer.send(job(get.id), id: id)
        async let next = connection.request(Get(id: JobID(rawValue: 2)), expecting: JobInfo.self)
        let (second, secondID) = try await peer.receive(Get.self)
        peer.send(job(second.id), id: secondID)
        #expect(try await next.id.rawValue == 2)
        await connection.close()
    }

    @Test func `a request is given up at its deadline`() async throws {
        let (connection, peer) = try await connect()
        let late = Task {
            try await connection.request(
                Get(id: JobID(rawValue: 1)), expecting: JobInfo.self,
                deadline: .now() + .milliseconds(20))
        }
        #expect(await failure(of: late)?.code == .timeout)
        _ = try await peer.receive(Get.self)
        await connection.close()
    }

    @Test func `a reply of another kind is an error of that request`() async throws {
        let (connection, peer) = try await connect()
        let reply = Task {
            try await connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        }
        let (_, id) = try await peer.receive(Get.self)
        peer.send(Done(), id: id)
        #expect(await failure(of: reply)?.code == .protocolViolation)
        await connection.close()
    }

    @Test func `a damaged frame closes the connection`() async throws {
        let (connection, peer) = try await connect()
        let reply = Task {
            try await connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        }
        _ = try await peer.receive(Get.self)
        peer.send(bytes: ByteBuffer(repeating: 0xff, count: 64))
        #expect(await failure(of: reply)?.code == .protocolViolation)
        try await peer.waitUntilClosed()
    }

    @Test func `a web server is named as such`() async throws {
        let (connection, peer) = try await connect()
        let reply = Task {
            try await connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        }
        _ = try await peer.receive(Get.self)
        peer.send(bytes: ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"))
        let error = try #require(await failure(of: reply))
        #expect(error.code == .protocolViolation)
        #expect(error.message.contains("in HTTP"))
    }

    @Test func `a message from a newer server is passed over`() async throws {
        let (connection, peer) = try await connect()
        async let reply = connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        let (get, id) = try await peer.receive(Get.self)
        var unknown = ByteBuffer()
        unknown.writeFrameHeader(FrameHeader(length: 3, opcode: 0xef, requestID: id))
        unknown.writeBytes([1, 2, 3])
        peer.send(bytes: unknown)
        peer.send(job(get.id), id: id)
        #expect(try await reply.id.rawValue == 1)
        await connection.close()
    }

    @Test func `a payload of several frames arrives whole and lets small messages pass`()
        async throws
    {
        let (connection, peer) = try await connect()
        let large = ByteBuffer(repeating: 65, count: 16 << 20)
        let submit = Submit(
            queue: "q", type: "t", items: [SubmitItem(payload: .plain(large))])
        async let submitted = connection.request(submit, expecting: Submitted.self)
        async let small = connection.request(Get(id: JobID(rawValue: 1)), expecting: JobInfo.self)
        var opcodes: [UInt8] = []
        for _ in 0..<2 {
            let frame = try await peer.receive()
            opcodes.append(frame.header.opcode)
            if frame.header.opcode == Opcode.get.rawValue {
                peer.send(job(JobID(rawValue: 1)), id: frame.header.requestID)
            } else {
                let received = try Submit(body: frame.body)
                #expect(received == submit)
                peer.accept(received, id: frame.header.requestID, firstJob: 9)
            }
        }
        #expect(opcodes == [Opcode.get.rawValue, Opcode.submit.rawValue])
        #expect(try await small.id.rawValue == 1)
        #expect(try await submitted.results == [.success(JobID(rawValue: 9))])
        await connection.close()
    }

    @Test func `pushes are handed over in order`() async throws {
        let (pushes, sink) = AsyncStream.makeStream(of: Push.self)
        let server = try await ScriptedServer.start()
        async let connecting = connect(to: server.endpoint, onPush: { sink.yield($0) })
        let peer = try await server.acceptAndWelcome()
        let connection = try await connecting
        peer.send(Draining(milliseconds: 1), id: 1)
        peer.send(Draining(milliseconds: 2), id: 2)
        var iterator = pushes.makeAsyncIterator()
        for expected in 1...2 {
            guard case .draining(let draining) = await iterator.next() else {
                Issue.record("no DRAINING")
                return
            }
            #expect(draining.milliseconds == UInt32(expected))
        }
        await connection.close()
    }

    @Test func `new limits count from when they are said`() async throws {
        let (pushes, sink) = AsyncStream.makeStream(of: Push.self)
        let server = try await ScriptedServer.start()
        async let connecting = connect(to: server.endpoint, onPush: { sink.yield($0) })
        let peer = try await server.acceptAndWelcome()
        let connection = try await connecting
        var limits = ServerLimits()
        limits.batchMax = 3
        peer.welcome(id: 1, limits)
        var iterator = pushes.makeAsyncIterator()
        _ = await iterator.next()
        #expect(await connection.welcome.limits.batchMax == 3)
        await connection.close()
    }

    @Test func `leaving says BYE and closes`() async throws {
        let (connection, peer) = try await connect()
        async let left: Void = connection.leave(deadline: .distantFuture)
        let (_, id) = try await peer.receive(Bye.self)
        peer.send(Done(), id: id)
        await left
        try await peer.waitUntilClosed()
    }

    @Test func `a port where nothing listens is named with its reason`() async throws {
        let connecting = Task { try await connect(to: nobody) }
        let error = await failure(of: connecting)
        #expect(error?.code == .cannotConnect)
        #expect(
            error?.message == "cannot reach \(nobody): connection refused. Is the server running?")
    }

    @Test func `a server that does not greet is given up`() async throws {
        let server = try await ScriptedServer.start()
        await #expect {
            try await connect(to: server.endpoint, timeout: .milliseconds(50))
        } throws: {
            ($0 as? MartletError)?.code == .cannotConnect
        }
    }

    @Test func `a server that hangs up before it greets is told like one that is not there`()
        async throws
    {
        let server = try await ScriptedServer.start()
        let connecting = Task { try await connect(to: server.endpoint) }
        try await server.accept().close()
        let error = await failure(of: connecting)
        #expect(error?.code == .cannotConnect)
        let message = try #require(error?.message)
        #expect(message.contains("\(server.endpoint): connected, but"), "\(message)")
    }

    @Test func `a wrong token is told`() async throws {
        let server = try await ScriptedServer.start()
        let connecting = Task { try await connect(to: server.endpoint) }
        let peer = try await server.accept()
        let (_, id) = try await peer.receive(Hello.self)
        peer.send(ErrorMessage(ClosingError.notAuthenticated()), id: id)
        #expect(await failure(of: connecting)?.code == .notAuthenticated)
    }

    // MARK: Helpers

    private func connect(
        limits: ServerLimits = ServerLimits()
    ) async throws -> (WireConnection, ServerConnection) {
        let server = try await ScriptedServer.start()
        async let connecting = connect(to: server.endpoint)
        let peer = try await server.acceptAndWelcome(limits)
        return (try await connecting, peer)
    }

    private func connect(
        to endpoint: MartletEndpoint, hello: Hello = Hello(client: "test"),
        timeout: TimeAmount = .seconds(30), onPush: @escaping @Sendable (Push) -> Void = { _ in }
    ) async throws -> WireConnection {
        try await WireConnection.connect(
            to: endpoint, hello: hello, on: MultiThreadedEventLoopGroup.singleton.next(),
            timeout: timeout, logger: logger, onPush: onPush)
    }

    private func job(_ id: JobID) -> JobInfo {
        JobInfo(
            id: id, state: .ready, maxAttempts: 20, createdAt: 1, payloadBytes: 1, queue: "q",
            type: "t")
    }
}
