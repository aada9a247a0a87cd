import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// What can't be taken back asks somebody who sits at a terminal.
    @Suite(.timeLimit(.minutes(1)))
    struct ConfirmationTests {
        @Test(arguments: [("y\n", 0, 0), ("yes\n", 0, 0), ("n\n", 1, 2), ("\n", 1, 2)])
        func `jobs are deleted when the answer is yes`(
            answer: String, status: Int32, left: Int
        ) async throws {
            try await withServe { server in
                _ = try await server.submit("q")
                _ = try await server.submit("q")
                let terminal = try PseudoTerminal()
                try terminal.type(answer)
                let ended = try await blocking {
                    try terminal.run(["queue", "purge", "q", "--server", server.address])
                }
                #expect(ended == status)
                try await blocking { try terminal.wait(for: "Purge 2 jobs? [y/N]") }
                let count = try await server.done("job", "list", "--queue", "q", "--count").text
                #expect(count == "\(left)\n")
            }
        }

        @Test func `nothing is asked when yes was said or nothing is there`() async throws {
            try await withServe { server in
                _ = try await server.submit("q")
                let terminal = try PseudoTerminal()
                let purge = ["queue", "purge", "q", "--server", server.address]
                #expect(try await blocking { try terminal.run(purge + ["--yes"]) } == 0)
                #expect(try await blocking { try terminal.run(purge) } == 0)
                #expect(terminal.shown(milliseconds: 0) == "")
            }
        }
    }
}

/// A terminal that somebody might sit at.
private final class PseudoTerminal: Sendable {
    private let person: Int32
    private let program: Int32

    // `TIOCSPTLCK` and `TIOCGPTN` of Linux.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    init() throws {
        person = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var number: CInt = 0
        var isLocked: CInt = 0
        guard person >= 0, ioctl(person, Self.setLock, &isLocked) == 0,
            ioctl(person, Self.getNumber, &number) == 0
        else { throw TestFailure("no terminal: errno \(errno)") }
        program = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard program >= 0 else { throw TestFailure("cannot open the terminal: errno \(errno)") }
    }

    deinit {
        close(person)
        close(program)
    }

    func type(_ text: String) throws {
        guard write(person, text, text.utf8.count) == text.utf8.count else {
            throw TestFailure("cannot type: errno \(errno)")
        }
    }

    /// Runs the program at this terminal, and returns its exit status.
    func run(_ arguments: [String]) throws -> Int32 {
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(nowhere) }
        let process = try SpawnedProcess(
            Program.path, arguments, environment: Program.environment([:]),
            .init(input: program, output: nowhere, errors: program))
        process.waitUntilExit(patience: 30)
        return process.status ?? -1
    }

    /// Blocks until that is shown.
    func wait(for text: String) throws {
        var all = ""
        while !all.contains(text) {
            let more = shown(milliseconds: 20_000)
            if more.isEmpty { throw TestFailure("the terminal shows only: \(all)") }
            all += more
        }
    }

    /// What is shown next; nothing when nothing comes in time.
    func shown(milliseconds: Int32) -> String {
        var entry = pollfd(fd: person, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) == 1 else { return "" }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(person, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
