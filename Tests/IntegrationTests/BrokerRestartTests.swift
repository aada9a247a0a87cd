import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(2)))
    struct BrokerRestartTests {
        @Test func `a job whose worker is busy is not run again because the broker was killed`()
            async throws
        {
            try await withScratch { directory in
                let data = directory + "/data"
                let first = try await Server.broker(data: data)
                let stage = try Stage(directory)
                let worker = try first.worker(queue: "slow=1", exec: stage.script, "--shell")
                let id = try await first.martlet("submit", "slow", "--payload", "x").lines[0]
                try await stage.waitForStart()
                try await first.kill()
                let second = try await Server.broker(data: data, port: first.port)
                try await stage.letFinish()
                let outcome = try await second.martlet(
                    "job", "wait", id, "--json", "--timeout", "30")
                #expect(outcome.status == 0, "\(outcome)")
                #expect(outcome.text.contains(#""attempts":1,"#), "\(outcome)")
                #expect(try stage.runs() == 1)
                worker.killAndWait()
                try await second.kill()
            }
        }

        @Test func `a killed worker's job is run again by another`() async throws {
            try await withScratch { directory in
                let broker = try await Server.broker(data: directory + "/data", "--grace", "1s")
                let stage = try Stage(directory)
                let worker = try broker.worker(queue: "slow=1", exec: stage.script, "--shell")
                let id = try await broker.martlet("submit", "slow", "--payload", "x").lines[0]
                try await stage.waitForStart()
                worker.killAndWait()
                let second = try Stage(directory, "second")
                let other = try broker.worker(queue: "slow=1", exec: second.script, "--shell")
                try await second.waitForStart()
                try await second.letFinish()
                let outcome = try await broker.martlet(
                    "job", "wait", id, "--json", "--timeout", "30")
                #expect(outcome.status == 0, "\(outcome)")
                #expect(outcome.text.contains(#""crashes":1,"#), "\(outcome)")
                #expect(outcome.text.contains(#""attempts":2,"#), "\(outcome)")
                // The killed worker's command has outlived it.
                try await stage.letFinish()
                other.killAndWait()
                try await broker.kill()
            }
        }

        @Test func `a worker that is asked to end hands its job back unspent`() async throws {
            try await withScratch { directory in
                let broker = try await Server.broker(data: directory + "/data")
                let stage = try Stage(directory)
                let worker = try broker.worker(
                    queue: "slow=1", exec: stage.script, "--shell", "--drain-timeout", "100ms")
                let id = try await broker.martlet("submit", "slow", "--payload", "x").lines[0]
                try await stage.waitForStart()
                try await blocking {
                    worker.send(SIGTERM)
                    worker.waitUntilExit()
                }
                #expect(worker.status == 0)
                let job = try await broker.martlet("job", "get", id, "--json")
                #expect(job.text.contains(#""state":"ready""#), "\(job)")
                #expect(
                    job.text.contains(#""failures":0,"crashes":0,"interruptions":1,"#), "\(job)")
                try await broker.kill()
            }
        }
    }
}

/// A command that says when it runs and ends when it may: two named pipes and a list of runs.
struct Stage: Sendable {
    private let directory: String

    init(_ directory: String, _ name: String = "stage") throws {
        self.directory = "\(directory)/\(name)"
        try FileManager.default.createDirectory(
            atPath: self.directory, withIntermediateDirectories: true)
        for name in ["started", "go"] {
            guard mkfifo("\(self.directory)/\(name)", 0o600) == 0 else {
                throw TestFailure("mkfifo failed")
            }
        }
    }

    var script: String {
        "echo run >> \(directory)/runs; echo > \(directory)/started; read line < \(directory)/go; echo done"
    }

    /// Blocks until the command runs: the pipe opens when both ends do.
    func waitForStart() async throws {
        let path = directory + "/started"
        try await blocking {
            let pipe = open(path, O_RDONLY | O_CLOEXEC)
            guard pipe >= 0 else { throw TestFailure("cannot open \(path)") }
            var byte: UInt8 = 0
            _ = read(pipe, &byte, 1)
            close(pipe)
        }
    }

    func letFinish() async throws {
        let path = directory + "/go"
        try await blocking {
            let pipe = open(path, O_WRONLY | O_CLOEXEC)
            guard pipe >= 0 else { throw TestFailure("cannot open \(path)") }
            _ = write(pipe, "go\n", 3)
            close(pipe)
        }
    }

    func runs() throws -> Int {
        try String(contentsOfFile: directory + "/runs", encoding: .utf8).split(separator: "\n")
            .count
    }
}
