import Foundation
import NIOCore
import TestSupport
import Testing

@testable import MartletWorker

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct SubprocessHandlerTests {
    @Test func `the payload is its input and what it prints is the result`() async throws {
        #expect(try await run(["tr", "a-z", "A-Z"], "hello\n") == "HELLO\n")
    }

    @Test func `bytes of any value pass through unchanged`() async throws {
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let handler = try await SubprocessHandler(command: Command(words: ["cat"]))
        let output = try await handler.run(
            ByteBuffer(bytes: bytes), environment: [:], outputBytesMax: bytes.count)
        #expect(output == ByteBuffer(bytes: bytes))
    }

    @Test func `the job is named in its environment, beside the worker's own`() async throws {
        let output = try await run(
            shell: "echo $MARTLET_JOB_ID; test -n \"$PATH\"",
            environment: ["MARTLET_JOB_ID": "0000000k5m2q"])
        #expect(output == "0000000k5m2q\n")
    }

    @Test func `words are arguments, not shell`() async throws {
        #expect(try await run(["echo", "$HOME", "a  b"]) == "$HOME a  b\n")
    }

    @Test(arguments: [
        (
            "echo out; echo why >&2; exit 3", SubprocessFailure.exited(status: 3, complaint: "why"),
            "why"
        ),
        ("exit 3", .exited(status: 3, complaint: ""), "exit status 3"),
        ("kill -9 $$", .signalled(signal: 9, complaint: ""), "killed by signal 9"),
        (
            "echo ouch >&2; kill -9 $$", .signalled(signal: 9, complaint: "ouch"),
            "killed by signal 9: ouch"
        ),
    ])
    func `a command that fails says why`(
        script: String, failure: SubprocessFailure, reason: String
    ) async {
        await #expect(throws: failure) { try await run(shell: script) }
        #expect(failure.description == reason)
    }

    @Test func `of a long complaint the end is kept`() async throws {
        let script = "i=0; while [ $i -lt 3000 ]; do echo \"line $i\"; i=$((i+1)); done >&2; exit 1"
        let error = await #expect(throws: SubprocessFailure.self) { try await run(shell: script) }
        let reason = try #require(error).description
        #expect(reason.hasSuffix("line 2998\nline 2999"))
        #expect((4000...OutputTail.bytesMax).contains(reason.utf8.count))
    }

    @Test func `a complaint cut inside a character begins with the next one`() async throws {
        let error = await #expect(throws: SubprocessFailure.self) {
            try await run(shell: "cat >&2; exit 1", String(repeating: "é", count: 5000) + "x")
        }
        #expect(try #require(error).description == String(repeating: "é", count: 2047) + "x")
    }

    @Test(arguments: ["no-such-program-here", "/no/such/program", "/etc/passwd"])
    func `a program that can't be run is found out before any job`(program: String) async throws {
        let error = await #expect(throws: SubprocessFailure.self) {
            try await SubprocessHandler(command: Command(words: [program]))
        }
        #expect(error == .notFound(program: program))
    }

    @Test func `the program sees itself called as the command says`() async throws {
        let output = try await run(["sh", "-c", "tr '\\0' '\\n' < /proc/$$/cmdline | head -n 1"])
        #expect(output == "sh\n")
    }

    @Test(arguments: ["exit 0", "exec <&-; echo done", "head -c 1 >/dev/null"])
    func `a command that does not read a large payload does no harm`(script: String) async throws {
        _ = try await run(shell: script, String(repeating: "x", count: 4_000_000))
    }

    @Test func `a broken pipe ends the command, as it does in any shell`() async {
        // This process ignores the signal; were the child to inherit that, pipelines would never end.
        await #expect(throws: SubprocessFailure.signalled(signal: SIGPIPE, complaint: "")) {
            try await run(shell: "kill -s PIPE $$; echo survived")
        }
    }

    @Test func `a result above the limit fails and ends the command`() async {
        await #expect(throws: SubprocessFailure.outputTooLong(limit: 1000)) {
            try await run(["yes"], outputBytesMax: 1000)
        }
    }

    @Test func `a result of exactly the limit is taken`() async throws {
        #expect(try await run(shell: "printf 1234", outputBytesMax: 4) == "1234")
    }

    @Test func `what a command leaves behind holds nobody up`() async throws {
        let output = try await run(shell: "sleep 1000 & echo $!")
        let pid = try #require(pid_t(output.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(kill(pid, SIGKILL) == 0)
    }

    /// The command announces itself by creating a file; a FIFO's end of file tells when all of its group is gone.
    @Test(arguments: [
        "sleep 1000",
        "sleep 1000 & sleep 1000",
        "(trap '' TERM; while :; do sleep 1000; done) & sleep 1000",
        "trap '' TERM; while :; do sleep 1000; done",
    ])
    func `cancellation ends the whole group`(script: String) async throws {
        let fifo = try FIFO()
        defer { fifo.remove() }
        let handler = try await SubprocessHandler(
            command: Command(shell: "exec 9>'\(fifo.path)'; echo up >&9; \(script)"),
            grace: .milliseconds(200))
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = try await handler.run(.init(), environment: [:], outputBytesMax: 100)
            }
            #expect(await fifo.readLine() == "up")
            group.cancelAll()
            let result = await group.nextResult()
            #expect(throws: CancellationError.self) { try result?.get() }
        }
        // Only when nobody has the writing end any more.
        #expect(await fifo.readLine() == nil)
    }

    @Test func `hundreds of runs leave no descriptor open`() async {
        await #expect(processExitsWith: .success) {
            let handler = try await SubprocessHandler(command: Command(words: ["cat"]))
            func runMany() async throws {
                let directory = try await SubprocessHandler(command: Command(words: ["/tmp"]))
                for _ in 0..<20 {
                    await #expect(throws: SubprocessFailure.self) {
                        try await directory.run(.init(), environment: [:], outputBytesMax: 10)
                    }
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<200 {
                        if number >= 4 { try await group.next() }
                        group.addTask {
                            _ = try await handler.run(
                                ByteBuffer(string: "x"), environment: [:], outputBytesMax: 10)
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await runMany()
            let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            try await runMany()
            let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            #expect(after == before)
        }
    }

    private func run(
        _ words: [String], _ payload: String = "", environment: [String: String] = [:],
        outputBytesMax: Int = 100_000
    ) async throws -> String {
        let output = try await SubprocessHandler(command: Command(words: words)).run(
            ByteBuffer(string: payload), environment: environment, outputBytesMax: outputBytesMax)
        return String(buffer: output)
    }

    @discardableResult
    private func run(
        shell script: String, _ payload: String = "", environment: [String: String] = [:],
        outputBytesMax: Int = 100_000
    ) async throws -> String {
        try await run(
            ["/bin/sh", "-c", script], payload, environment: environment,
            outputBytesMax: outputBytesMax)
    }
}
