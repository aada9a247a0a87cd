import Logging
import MartletWire
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing

@testable import MartletClient

/// What happens to calls when connections break, servers go away and come back.
@Suite(.fewAtATime, .timeLimit(.minutes(1))) struct ReconnectTests {
    @Test func `a job may be pushed before the client has connected`() async throws {
        let server = try await ScriptedServer.start()
        let client = MartletClient(server.endpoint, logger: Logger(label: "test"))
        let pushing = Task { try await client.push(Resize(width: 1)) }
        let running = Task { await client.run() }
        let peer = try await server.acceptAndWelcome()
        let (submit, id) = try await peer.receive(Submit.self)
        peer.accept(submit, id: id, firstJob: 1)
        #expect(try await pushing.value.id.rawValue == 1)
        running.cancel()
        await running.value
    }

    @Test func `an unanswered submission is sent again with the same sequence`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            var earlier: Submit?
            for _ in 0..<3 {
                let peer = try await server.acceptAndWelcome()
                let (submit, _) = try await peer.receive(Submit.self)
                #expect(earlier == nil || submit == earlier)
                #expect(submit.producer != 0)
                #expect(submit.sequence == 1)
                earlier = submit
                try await peer.close()
            }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            #expect(submit == earlier)
            peer.accept(submit, id: id, firstJob: 4, isRepeated: true)
            #expect(try await pushing.value.id.rawValue == 4)
        }
    }

    @Test func `every unanswered submission is sent again, the answered ones are not`() async throws
    {
        try await withClient { client, server in
            let tasks = (1...20).map { width in Task { try await client.push(Resize(width: width)) }
            }
            let first = try await server.acceptAndWelcome()
            var sequences: Set<UInt64> = []
            for index in 0..<20 {
                let (submit, id) = try await first.receive(Submit.self)
                if index < 5 {
                    first.accept(submit, id: id, firstJob: submit.sequence)
                } else {
                    sequences.insert(submit.sequence)
                }
            }
            try await first.close()

            let second = try await server.acceptAndWelcome()
            var repeated: Set<UInt64> = []
            for _ in 0..<15 {
                let (submit, id) = try await second.receive(Submit.self)
                repeated.insert(submit.sequence)
                second.accept(submit, id: id, firstJob: submit.sequence)
            }
            #expect(repeated == sequences)
            var ids: Set<UInt64> = []
            for task in tasks { ids.insert(try await task.value.id.rawValue) }
            #expect(ids == Set(1...20))
        }
    }

    @Test
    func `a producer that the server forgot is replaced, and what was sent once is sent again`()
        async throws
    {
        try await withClient { client, server in
            let twice = Task { try await client.push(Resize(width: 1)) }
            let first = try await server.acceptAndWelcome()
            let (lost, _) = try await first.receive(Submit.self)
            try await first.close()
            let second = try await server.acceptAndWelcome()
            let (again, againID) = try await second.receive(Submit.self)
            #expect(again == lost)
            let once = Task { try await client.push(Resize(width: 2)) }
            let (new, newID) = try await second.receive(Submit.self)
            #expect(new.producer == lost.producer)
            let forgotten = ErrorMessage(WireError(.sequenceForgotten, "damaged"))
            second.send(forgotten, id: newID)
            second.send(forgotten, id: againID)
            let (renewed, id) = try await second.receive(Submit.self)
            #expect(renewed.producer != lost.producer)
            #expect((renewed.sequence, renewed.floor) == (1, 1))
            #expect(renewed.items == new.items)
            second.accept(renewed, id: id, firstJob: 7)
            #expect(try await once.value.id.rawValue == 7)
            let error = await #expect(throws: MartletError.self) { _ = try await twice.value }
            #expect(error?.code == .sequenceForgotten)
        }
    }

    @Test func `the floor is the lowest submission without an answer`() async throws {
        try await withClient { client, server in
            let stuck = Task { try await client.push(Resize(width: 1)) }
            let peer = try await server.acceptAndWelcome()
            let (first, firstID) = try await peer.receive(Submit.self)
            #expect(first.floor == 1)
            for sequence in 2...4 as ClosedRange<UInt64> {
                let pushing = Task { try await client.push(Resize(width: 2)) }
                let (submit, id) = try await peer.receive(Submit.self)
                #expect(submit.sequence == sequence)
                #expect(submit.floor == 1)
                peer.accept(submit, id: id, firstJob: sequence)
                _ = try await pushing.value
            }
            peer.accept(first, id: firstID, firstJob: 1)
            _ = try await stuck.value

            let pushing = Task { try await client.push(Resize(width: 3)) }
            let (last, lastID) = try await peer.receive(Submit.self)
            #expect(last.sequence == 5)
            #expect(last.floor == 5)
            peer.accept(last, id: lastID, firstJob: 5)
            _ = try await pushing.value
        }
    }

    @Test func `a second answer to the same request is dropped`() async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            let peer = try await server.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            peer.accept(submit, id: id, firstJob: 1)
            peer.accept(submit, id: id, firstJob: 2)
            #expect(try await pushing.value.id.rawValue == 1)

            let next = Task { try await client.push(Resize(width: 1)) }
            let (second, secondID) = try await peer.receive(Submit.self)
            peer.accept(second, id: secondID, firstJob: 3)
            #expect(try await next.value.id.rawValue == 3)
        }
    }

    @Test func `a wait goes on over a broken connection`() async throws {
        try await withClient { client, server in
            let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 6)))
            let value = Task { try await handle.value }
            let first = try await server.acceptAndWelcome()
            _ = try await first.receive(Wait.self)
            try await first.close()
            let second = try await server.acceptAndWelcome()
            let (_, id) = try await second.receive(Wait.self)
            second.send(finished(6, result: "x"), id: id)
            #expect(try await value.value.count == 1)
        }
    }

    @Test(arguments: [ErrorCode.storeFull, .draining, .unavailable])
    func `a server that asks to come back later is asked again`(code: ErrorCode) async throws {
        try await withClient { client, server in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            let peer = try await server.acceptAndWelcome()
            for _ in 0..<3 {
                let (submit, id) = try await peer.receive(Submit.self)
                #expect(submit.sequence == 1)
                peer.send(ErrorMessage(WireError(code, "later")), id: id)
            }
            let (submit, id) = try await peer.receive(Submit.self)
            peer.accept(submit, id: id, firstJob: 1)
            #expect(try await pushing.value.id.rawValue == 1)
        }
    }

    @Test func `a server that is full for longer than the timeout is not asked again`() async throws
    {
        try await withClient { client, server in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            let peer = try await server.acceptAndWelcome()
            let (_, id) = try await peer.receive(Submit.self)
            let full = WireError(.storeFull, retryAfterMilliseconds: 60_000, "full")
            peer.send(ErrorMessage(full), id: id)
            let error = await failure(of: pushing)
            #expect(error?.code == .storeFull)
            #expect(error?.retryAfter == .seconds(60))
        }
    }

    @Test func `an error that is not retryable ends the call at once`() async throws {
        try await withClient { client, server in
            let asking = Task { try await client.status(of: JobStatus.ID(JobID(rawValue: 1))) }
            let peer = try await server.acceptAndWelcome()
            let (get, id) = try await peer.receive(Get.self)
            peer.send(ErrorMessage(WireError.jobNotFound(get.id)), id: id)
            #expect(await failure(of: asking)?.code == .jobNotFound)
        }
    }

    @Test func `DRAINING moves the client to another connection`() async throws {
        try await withClient { client, server in
            let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 6)))
            let value = Task { try await handle.value }
            let first = try await server.acceptAndWelcome()
            _ = try await first.receive(Wait.self)
            first.send(Draining(milliseconds: 10), id: 1)
            try await first.waitUntilClosed()
            let second = try await server.acceptAndWelcome()
            let (_, id) = try await second.receive(Wait.self)
            second.send(finished(6, result: "x"), id: id)
            _ = try await value.value
        }
    }

    @Test func `a server that is not there is told after the timeout`() async throws {
        let log = ListeningLog("cannot connect")
        try await withClient(isListening: false, logger: log.logger) {
            $0.requestTimeout = .milliseconds(20)
        } _: { client, _ in
            await log.waitForMessage()
            let pushing = Task { try await client.push(Resize(width: 1)) }
            let error = await failure(of: pushing)
            #expect(error?.code == .cannotConnect)
            #expect(
                error?.message.contains("connection refused") == true, "\(error?.message ?? "")")
        }
    }

    @Test func `a tool is told at once that the server is not there`() async throws {
        try await withClient(isListening: false) {
            $0.waitsForServer = false
        } _: { client, _ in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            #expect(await failure(of: pushing)?.code == .cannotConnect)
        }
    }

    @Test func `a tool is told at once that the server hangs up before it greets`() async throws {
        try await withClient {
            $0.waitsForServer = false
        } _: { client, server in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            try await server.accept().close()
            #expect(await failure(of: pushing)?.code == .cannotConnect)
            // The client's loop is free to go on.
            _ = try await server.acceptAndWelcome()
        }
    }

    @Test func `another front door is tried when the first is closed`() async throws {
        let other = try await ScriptedServer.start()
        try await withClient(isListening: false) {
            $0.waitsForServer = false
            $0.alternatives = [other.endpoint]
        } _: { client, _ in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            let peer = try await other.acceptAndWelcome()
            let (submit, id) = try await peer.receive(Submit.self)
            peer.accept(submit, id: id, firstJob: 1)
            _ = try await pushing.value
        }
    }

    @Test func `a tool is told once all front doors are closed`() async throws {
        try await withClient(isListening: false) {
            $0.waitsForServer = false
            $0.alternatives = [nobody, nobody]
        } _: { client, _ in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            #expect(await failure(of: pushing)?.code == .cannotConnect)
        }
    }

    @Test func `a token that no server takes is told at once`() async throws {
        try await withClient {
            $0.token = String(repeating: "x", count: 100_000)
        } _: { client, _ in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            let error = await failure(of: pushing)
            #expect(error?.code == .notAuthenticated)
            #expect(error?.actual == 100_000)
        }
    }

    @Test func `a wrong token is told at once`() async throws {
        try await withClient {
            $0.token = "wrong"
        } _: { client, server in
            let pushing = Task { try await client.push(Resize(width: 1)) }
            let peer = try await server.accept()
            let (hello, id) = try await peer.receive(Hello.self)
            #expect(hello.token == "wrong")
            peer.send(ErrorMessage(ClosingError.notAuthenticated()), id: id)
            #expect(await failure(of: pushing)?.code == .notAuthenticated)
        }
    }

    @Test func `without run a call is told what is missing`() async throws {
        var configuration = MartletClient.Configuration()
        configuration.requestTimeout = .milliseconds(20)
        let client = MartletClient(
            .martlet(host: "127.0.0.1"), configuration: configuration, logger: Logger(label: "test")
        )
        let pushing = Task { try await client.push(Resize(width: 1)) }
        let error = await failure(of: pushing)
        #expect(error?.code == .timeout)
        #expect(error?.message.contains("run()") == true)
    }

    @Test func `a cancelled push stops waiting for a connection`() async throws {
        let client = MartletClient(.martlet(host: "127.0.0.1"), logger: Logger(label: "test"))
        let pushing = Task { try await client.push(Resize(width: 1)) }
        pushing.cancel()
        #expect(await failure(of: pushing)?.code == .cancelled)
    }

    @Test func `cancelling the client ends every call`() async throws {
        let server = try await ScriptedServer.start()
        let client = patientClient(of: server)
        let running = Task { await client.run() }
        let tasks = (1...20).map { width in Task { try await client.push(Resize(width: width)) } }
        let peer = try await server.acceptAndWelcome()
        for _ in tasks { _ = try await peer.receive(Submit.self) }
        running.cancel()
        await running.value
        for task in tasks { #expect(await failure(of: task)?.code == .stopped) }
        let late = Task { try await client.push(Resize(width: 1)) }
        #expect(await failure(of: late)?.code == .stopped)
    }

    @Test func `a graceful shutdown lets submissions end, then says BYE`() async throws {
        let server = try await ScriptedServer.start()
        let client = patientClient(of: server)
        let group = ServiceGroup(services: [client], logger: Logger(label: "test"))
        let running = Task { try await group.run() }
        let pushing = Task { try await client.push(Resize(width: 1)) }
        let peer = try await server.acceptAndWelcome()
        let (submit, id) = try await peer.receive(Submit.self)
        await group.triggerGracefulShutdown()
        peer.accept(submit, id: id, firstJob: 1)
        #expect(try await pushing.value.id.rawValue == 1)
        let (_, byeID) = try await peer.receive(Bye.self)
        peer.send(Done(), id: byeID)
        try await running.value
        try await peer.waitUntilClosed()
    }

    @Test func `a graceful shutdown does not wait for results`() async throws {
        let server = try await ScriptedServer.start()
        let client = patientClient(of: server)
        let group = ServiceGroup(services: [client], logger: Logger(label: "test"))
        let running = Task { try await group.run() }
        let handle = client.handle(for: JobStatus.ID(JobID(rawValue: 6)))
        let value = Task { try await handle.value }
        let peer = try await server.acceptAndWelcome()
        _ = try await peer.receive(Wait.self)
        await group.triggerGracefulShutdown()
        let (_, id) = try await peer.receive(Bye.self)
        peer.send(Done(), id: id)
        #expect(await failure(of: value)?.code == .stopped)
        try await running.value
    }

    @Test func `a graceful shutdown waits no longer than its limit`() async throws {
        let server = try await ScriptedServer.start()
        var configuration = MartletClient.Configuration()
        configuration.shutdownTimeout = .milliseconds(20)
        configuration.connectTimeout = .seconds(20)
        let client = MartletClient(
            server.endpoint, configuration: configuration, logger: Logger(label: "test"))
        let group = ServiceGroup(services: [client], logger: Logger(label: "test"))
        let running = Task { try await group.run() }
        let pushing = Task { try await client.push(Resize(width: 1)) }
        let peer = try await server.acceptAndWelcome()
        _ = try await peer.receive(Submit.self)
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(await failure(of: pushing)?.code == .stopped)
    }

    @Test func `more submissions than a producer may have at once wait their turn`() async throws {
        try await withClient {
            $0.compression.dictionaries = .none
        } _: { client, server in
            let count = Int(Limits.producerWindowMax) + 100
            let pushing = Task {
                try await withThrowingTaskGroup(of: UInt64.self) { group in
                    for width in 0..<count {
                        group.addTask { try await client.push(Resize(width: width)).id.rawValue }
                    }
                    return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
                }
            }
            let peer = try await server.acceptAndWelcome()
            var held: [(Submit, id: UInt64)] = []
            for _ in 0..<Int(Limits.producerWindowMax) {
                held.append(try await peer.receive(Submit.self))
            }
            for (submit, id) in held { peer.accept(submit, id: id, firstJob: submit.sequence) }
            for _ in 0..<100 {
                let (submit, id) = try await peer.receive(Submit.self)
                #expect(submit.sequence - submit.floor < Limits.producerWindowMax)
                peer.accept(submit, id: id, firstJob: submit.sequence)
            }
            #expect(try await pushing.value == Set(1...UInt64(count)))
        }
    }
}
