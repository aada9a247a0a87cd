import Foundation
import TestSupport
import Testing

@testable import Bench

/// With shell scripts in the place of the broker.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct BrokerProcessTests {
    private func withScript<Result>(
        _ script: String, _ body: (_ executable: String, _ directory: String) async throws -> Result
    ) async throws -> Result {
        let directory = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        let executable = "\(directory)/broker"
        let created = FileManager.default.createFile(
            atPath: executable, contents: Data("#!/bin/sh\n\(script)\n".utf8),
            attributes: [.posixPermissions: 0o700])
        #expect(created)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(executable, directory))
        } catch {
            result = .failure(error)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: directory)
        #expect(left == ["broker"], "the run's data is gone")
        try FileManager.default.removeItem(atPath: directory)
        return try result.get()
    }

    private static let ready = """
        [ "$1 $2 $4 $5" = "broker --data --listen 127.0.0.1:0" ] || exit 1
        mkdir "$3/log" && head -c 100000 /dev/zero > "$3/data.mdb" && head -c 50000 /dev/zero > "$3/log/1"
        echo "martlet 0.1.0  broker ready   martlet://127.0.0.1:4711   data $3"
        exec sleep 1000
        """

    @Test func `its address is read and the process ended`() async throws {
        let broker = try await withScript(Self.ready) { executable, directory in
            try await OwnBroker.run(executable: executable, below: directory) { own in
                let broker = await own.process
                #expect(kill(broker.processIdentifier, 0) == 0)
                return broker
            }
        }
        #expect(broker.host == "127.0.0.1")
        #expect(broker.port == 4711)
        #expect(kill(broker.processIdentifier, 0) != 0)
    }

    @Test func `its memory and files are measured`() async throws {
        let footprint = try await withScript(Self.ready) { executable, directory in
            try await OwnBroker.run(executable: executable, below: directory) { own in
                try await own.process.footprint()
            }
        }
        #expect(footprint.memoryBytes > 0)
        #expect((100_000..<200_000).contains(footprint.storeBytes))
        #expect((50_000..<100_000).contains(footprint.logBytes))
    }

    @Test func `one that is killed starts again on its data`() async throws {
        let script =
            "touch \"$3/$$\"; ls \"$3\" | wc -l > /dev/null\n"
            + Self.ready
            .replacing("mkdir \"$3/log\" && ", with: "mkdir -p \"$3/log\" && ")
        let (first, second, files) = try await withScript(script) { executable, directory in
            try await OwnBroker.run(executable: executable, below: directory) { own in
                let first = await own.process
                let second = try await own.killAndRestart()
                let files = try FileManager.default.contentsOfDirectory(
                    atPath: second.dataDirectory)
                return (first, second, files)
            }
        }
        #expect(first.dataDirectory == second.dataDirectory)
        #expect(first.processIdentifier != second.processIdentifier)
        #expect(files.contains("\(first.processIdentifier)"))
        #expect(files.contains("\(second.processIdentifier)"))
        #expect(kill(first.processIdentifier, 0) != 0)
        #expect(kill(second.processIdentifier, 0) != 0)
    }

    @Test func `one that ends before it is ready is an error`() async {
        await #expect {
            try await withScript("echo something else; exit 1") { executable, directory in
                try await OwnBroker.run(executable: executable, below: directory) { _ in }
            }
        } throws: {
            if case .brokerFailed = $0 as? BenchError { true } else { false }
        }
    }

    @Test func `an error of the run ends it too`() async {
        await #expect(throws: BenchError.connectionClosed) {
            try await withScript(Self.ready) { executable, directory in
                try await OwnBroker.run(executable: executable, below: directory) { _ in
                    throw BenchError.connectionClosed
                }
            }
        }
    }

    @Test(arguments: [
        ("ready   martlet://127.0.0.1:7410   http://127.0.0.1:7480", "127.0.0.1", 7410),
        ("martlet://[::1]:99", "::1", 99),
    ])
    func `an address is found in a line`(line: String, host: String, port: Int) throws {
        let address = try #require(BrokerProcess.address(in: line))
        #expect(address.host == host)
        #expect(address.port == port)
    }

    @Test(arguments: ["", "martlet 0.1.0", "martlet://host", "http://127.0.0.1:1"])
    func `a line without an address has none`(line: String) {
        #expect(BrokerProcess.address(in: line) == nil)
    }
}
