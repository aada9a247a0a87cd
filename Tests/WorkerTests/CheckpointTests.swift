import Foundation
import Logging
import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import MartletWorker

/// What a handler that keeps a checkpoint waits for.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct CheckpointTests {
    private let handler = Handler("echo") { payload, context in
        try await context.checkpoint(Data("here".utf8))
        return payload
    }

    @Test func `a checkpoint that the server does not take is the handler's error`() async throws {
        try await withWorker(handlers: [handler]) { server, _ in
            let peer = try await server.acceptSubscriber()
            peer.deliver([1])
            let (message, id) = try await peer.find(CheckpointMessage.self)
            #expect(String(buffer: message.bytes) == "here")
            peer.send(ErrorMessage(WireError(.storeFull, "no space is left")), id: id)
            let failure = try await peer.settle().first?.failure
            #expect(failure?.contains("no space is left") == true)
        }
    }

    @Test func `a checkpoint outlasts the connection`() async throws {
        try await withWorker(handlers: [handler]) { server, _ in
            let first = try await server.acceptSubscriber()
            first.deliver([1])
            _ = try await first.find(CheckpointMessage.self)
            try await first.close()
            let second = try await server.acceptSubscriber(resumed: true)
            let (message, id) = try await second.find(CheckpointMessage.self)
            #expect(String(buffer: message.bytes) == "here")
            second.send(Done(), id: id)
            // The lease that was carried over is extended first.
            while try await !second.settle().contains(.test(1, .complete(.plain("payload")))) {}
        }
    }

    @Test func `the answer to a newer checkpoint is that to those before`() async throws {
        let receipts = CheckpointReceipts()
        #expect(receipts.makeNumber() == 1)
        #expect(receipts.makeNumber() == 2)
        async let older: Void = receipts.wait(for: 1)
        receipts.answered(2, nil)
        try await older
        try await receipts.wait(for: 2)
        receipts.answered(3, MartletError(.leaseLost, "gone"))
        await #expect(throws: MartletError.self) { try await receipts.wait(for: 3) }
    }

    @Test func `nobody waits once the attempt is over, or the task cancelled`() async throws {
        let receipts = CheckpointReceipts()
        let waiting = Task { try await receipts.wait(for: 1) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let left = Task { try await receipts.wait(for: 2) }
        receipts.close()
        await #expect(throws: CancellationError.self) { try await left.value }
        await #expect(throws: CancellationError.self) { try await receipts.wait(for: 3) }
    }
}
