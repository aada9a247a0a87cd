import Foundation
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import MartletWorker

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ControlLineTests {
    @Test(arguments: [
        ("progress 0.5 half of it", ControlLine.progress(0.5, "half of it")),
        ("progress 1", .progress(1, "")),
        ("log two  words", .log("two  words")),
        ("log", .log("")),
        ("checkpoint aGVyZQ==", .checkpoint(Data("here".utf8))),
        ("checkpoint", .checkpoint(Data())),
        ("progress", nil), ("progress half", nil), ("checkpoint %", nil),
        ("checkpoint @/nowhere/at/all", nil), ("hello", nil), ("", nil),
    ])
    func `a line is understood or left out`(line: String, expected: ControlLine?) {
        #expect(ControlLine(line) == expected)
    }

    @Test func `a command says how it goes, and all of it is heard before its end`() async throws {
        let script = """
            exec 3>"$MARTLET_CONTROL"
            cat "$MARTLET_CHECKPOINT"
            echo "progress 0.5 half" >&3
            echo "log a line" >&3
            printf there > "$(dirname "$MARTLET_CONTROL")/next"
            echo "checkpoint @$(dirname "$MARTLET_CONTROL")/next" >&3
            """
        let heard = Mutex<[ControlLine]>([])
        let output = try await handler(script).run(
            ByteBuffer(), environment: [:], outputBytesMax: 1_000, checkpoint: Data("here".utf8),
            onControl: { line in heard.withLock { $0.append(line) } })
        #expect(String(buffer: output) == "here")
        #expect(
            heard.withLock { $0 } == [
                .progress(0.5, "half"), .log("a line"), .checkpoint(Data("there".utf8)),
            ])
    }

    @Test func `a script has its control pipe as descriptor 3`() async throws {
        let heard = Mutex<[ControlLine]>([])
        let handler = try await handler("echo 'log by number' >&3")
        _ = try await handler.run(
            ByteBuffer(), environment: [:], outputBytesMax: 0, checkpoint: nil,
            onControl: { line in heard.withLock { $0.append(line) } })
        #expect(heard.withLock { $0 } == [.log("by number")])
        // Where nobody listens, what is said is lost, and no error.
        _ = try await handler.run(ByteBuffer(), environment: [:], outputBytesMax: 0)
    }

    @Test func `a command that fails is heard to its end, and its pipe is gone`() async throws {
        let heard = Mutex<[ControlLine]>([])
        let handler = try await handler(
            "echo \"log $MARTLET_CONTROL\" >\"$MARTLET_CONTROL\"; exit 3")
        await #expect(throws: SubprocessFailure.exited(status: 3, complaint: "")) {
            try await handler.run(
                ByteBuffer(), environment: [:], outputBytesMax: 0, checkpoint: nil,
                onControl: { line in heard.withLock { $0.append(line) } })
        }
        guard case .log(let path)? = heard.withLock({ $0.first }) else {
            Issue.record("nothing was heard")
            return
        }
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(
            !FileManager.default.fileExists(
                atPath: URL(filePath: path).deletingLastPathComponent().path))
    }

    @Test func `what a command leaves behind does not hold up its job`() async throws {
        let handler = try await handler(
            "exec 3>\"$MARTLET_CONTROL\"; (exec sleep 60 >&- 2>&-) & echo done")
        let output = try await handler.run(
            ByteBuffer(), environment: [:], outputBytesMax: 100, checkpoint: nil,
            onControl: { _ in })
        #expect(String(buffer: output) == "done\n")
    }

    private func handler(_ script: String) async throws -> SubprocessHandler {
        try await SubprocessHandler(command: Command(shell: script))
    }
}
