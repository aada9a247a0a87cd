import Foundation
import Testing

extension IntegrationTests {
    /// A disk that fills up: submissions are refused, settlements are not, and once there is space
    /// again all goes on by itself.
    @Suite(
        .enabled(if: geteuid() == 0, "mounting a file system takes root"), .timeLimit(.minutes(3)))
    struct FullDiskTests {
        private static let storeFull: UInt16 = 60

        @Test
        func `a full disk refuses submissions, is drained, and takes submissions again unaided`()
            async throws
        {
            try await withSmallDisk(megabytes: 220) { directory in
                let broker = try await Server.broker(
                    data: directory + "/data", "--payload-bytes-max", "1048576")
                do {
                    try await blocking { [port = broker.port] in try live(port: port) }
                } catch {
                    try await broker.kill()
                    throw TestFailure("\(error), broker: \(broker.process.saidOnErrors)")
                }
                #expect(try await broker.stop() == 0)
            }
        }

        private func live(port: UInt16) throws {
            let connection = try RawConnection(port: port, patience: 30)
            _ = try connection.hello()
            let (accepted, refusal) = try fill(connection)
            #expect(refusal.code == Self.storeFull)
            #expect(!refusal.closes)
            #expect(accepted.count > 20)
            let drained = try drain(accepted.count, RawConnection(port: port, patience: 30))
            #expect(drained == Set(accepted))
            try submitUntilAccepted(connection)
        }

        /// Submits large jobs until one is refused.
        private func fill(
            _ connection: RawConnection
        ) throws -> (accepted: [UInt64], refusal: RawConnection.ErrorReply) {
            let body = RawConnection.submit(
                queue: "full", producer: 0, sequence: 0, floor: 0,
                payloads: [[UInt8](repeating: 7, count: 500_000)], retainCompleted: 0)
            var accepted: [UInt64] = []
            while accepted.count < 10_000 {
                do {
                    accepted += try RawConnection.ids(
                        in: try connection.request(0x10, body, answer: 0x90))
                } catch let error as RawConnection.ErrorReply {
                    return (accepted, error)
                }
            }
            throw TestFailure("the disk does not fill up")
        }

        /// Completes that many jobs; returns which.
        private func drain(_ count: Int, _ connection: RawConnection) throws -> Set<UInt64> {
            _ = try connection.hello()
            try connection.subscribe(to: "full", credit: 16)
            var completed: Set<UInt64> = []
            while completed.count < count {
                for delivery in try connection.nextDeliveries() {
                    let body = RawConnection.settle([
                        (.complete, id: delivery.id, token: delivery.token)
                    ])
                    try connection.sendFrame(0x30, connection.nextRequestID(), body)
                    completed.insert(delivery.id)
                }
            }
            // Requests are carried out in order: an answer to this one means that all are settled.
            _ = try connection.request(0x02, [], answer: 0x82)
            return completed
        }

        /// Space comes back with a checkpoint or two; until then the answer is the same refusal,
        /// which says that it can be retried.
        private func submitUntilAccepted(_ connection: RawConnection) throws {
            let deadline = Date(timeIntervalSinceNow: 30)
            while true {
                do {
                    _ = try connection.submit([[UInt8](repeating: 7, count: 1000)], to: "full")
                    return
                } catch let error as RawConnection.ErrorReply {
                    #expect(error.code == Self.storeFull)
                    guard Date.now < deadline else { throw error }
                }
            }
        }

        private func withSmallDisk(megabytes: Int, _ body: (String) async throws -> Void)
            async throws
        {
            try await withScratch { directory in
                try await Tool.succeed(
                    "/bin/mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", directory)
                let outcome: Result<Void, any Error>
                do {
                    outcome = .success(try await body(directory))
                } catch {
                    outcome = .failure(error)
                }
                try await Tool.succeed("/bin/umount", "-l", directory)
                try outcome.get()
            }
        }
    }
}
