import Foundation
import Testing

extension IntegrationTests {
    /// A disk that fails under the log.
    @Suite(
        .enabled(if: BrokenDisk.compiler != nil, "breaking a disk takes a C compiler"),
        .timeLimit(.minutes(2)))
    struct BrokenDiskTests {
        private let ready: UInt8 = 2

        /// Before it is begun, or while the kernel carries it out.
        enum Failure: String, CaseIterable {
            case begun = "Input/output error"
            case ended = "Invalid argument"
        }

        @Test(arguments: Failure.allCases)
        func `a log that can't be written ends the broker with 74, one line, and no loss`(
            failure: Failure
        ) async throws {
            try await withScratch(onDisk: true) { directory in
                let data = directory + "/data"
                let disk = try await BrokenDisk(directory, log: data + "/log")
                let broker = try await Server.broker(data: data, environment: disk.environment())
                let accepted = try await blocking { [port = broker.port] in
                    let connection = try RawConnection(port: port)
                    _ = try connection.hello()
                    let ids = try (1...20).flatMap { try connection.submit([[UInt8($0)]], to: "q") }
                    if failure == .begun { try disk.fail() } else { try disk.misplace() }
                    #expect(throws: RawConnection.Closed.self) {
                        try connection.submit([[21]], to: "q")
                    }
                    return ids
                }
                try await blocking { broker.process.waitUntilExit() }
                #expect(broker.process.status == 74)
                let said = broker.process.saidOnErrors
                    .split(separator: "\n")
                #expect(said.count == 1)
                #expect(
                    said.last == """
                        martlet: appending to the log: \(failure.rawValue); \
                        what reached the disk is unknown until the next start.
                        """)
                #expect(accepted.count == 20)
                let next = try await Server.broker(data: data)
                try await blocking { [port = next.port] in
                    let connection = try RawConnection(port: port)
                    _ = try connection.hello()
                    #expect(try connection.counts(of: "q").ready == 20)
                    for id in accepted { #expect(try connection.job(id).state == ready) }
                }
                #expect(try await next.stop() == 0)
            }
        }
    }
}
