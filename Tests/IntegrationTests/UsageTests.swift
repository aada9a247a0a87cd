import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct UsageTests {
        @Test(arguments: [
            (["submit", "q", "--payload", "x", "--delay", "5x"], "A time is 500ms, 30s,"),
            (["submit", "q", "--payload", "x", "--run-at", "soon"], "An instant is 2026-"),
            (["submit", "q", "--payload", "x", "--delay", "400d"], "--delay is 400d;"),
            (["submit", "q", "--payload", "x", "--timeout", "8d"], "it can be up to 7d."),
            (["submit", "q", "--payload", "x", "--backoff", "linear"], "exponential:1s,2,1h."),
            (["submit", "q", "--payload", "x", "--backoff", "fixed:5d"], "waits for 5d;"),
            (["submit", "q", "--payload", "x", "--retain", "dead=800d"], "is 800d; it can be"),
            (["submit", "q", "--payload", "x", "--retain", "x"], "completed=1h,dead=7d"),
            (["submit", "q", "--payload", "x", "--unique", "k", "--unique-scope", "x"], "24h"),
            (["submit", "q", "--payload", "x", "--header", "x"], "a name, an equals sign"),
            (["job", "list", "--since", "soon"], "Say how long ago (2h)"),
            (["job", "list", "--error", "x"], "`martlet dead groups`"),
            (["job", "logs", "0000000k5m2q", "--cursor", "x"], "a whole number"),
        ])
        func `a value that is none is answered with what one looks like`(
            arguments: [String], part: String
        ) async throws {
            let outcome = try await Program.run(arguments)
            #expect(outcome.status == 64, "\(outcome)")
            #expect(outcome.errors.contains(part), "\(outcome)")
        }

        @Test(arguments: [
            ["submit"],
            ["submit", "q", "--payload", "x", "--payload-file", "y"],
            ["submit", "q", "--payload", "x", "--wait-timeout", "5"],
            ["submit", "q", "--payload", "x", "--lines"],
            ["submit", "q", "--payload", "x", "--wait", "--retain", "completed=0"],
            ["submit", "q", "stray"],
            ["submit", "q", "--payload", "x", "--max-attempts", "0"],
            ["submit", "q", "--payload", "x", "--backoff", "5"],
            ["submit", "q", "--payload", "x", "--priority", "256"],
            ["submit", "q", "--payload", "x", "--delay", "5x"],
            ["submit", "q", "--payload", "x", "--delay", "400d"],
            ["submit", "q", "--payload", "x", "--delay", "1s", "--run-at", "2026-11-22"],
            ["submit", "q", "--payload", "x", "--run-at", "yesterday"],
            ["submit", "q", "--payload", "x", "--retain", "completed=soon"],
            ["submit", "q", "--payload", "x", "--unique-scope", "active"],
            ["submit", "q", "--payload", "x", "--unique", "k", "--on-conflict", "maybe"],
            ["submit", "q", "--payload", "x", "--tag", "two words"],
            ["submit", "q", "--payload", "x", "--header", "no-value"],
            ["submit", "q", "--payload", "x", "--header", "a=1", "--header", "A=2"],
            ["submit", "q", "--payload", "x", "--durability", "stone"],
            ["submit", "q", "--payload", "x", "--atomic"],
            ["job", "frobnicate"],
            ["job", "list", "--state", "sleeping"],
            ["job", "list", "--limit", "0"],
            ["job", "list", "--cursor", "xyz"],
            ["job", "list", "--limit", "5", "--all"],
            ["job", "list", "--since", "soon"],
            ["job", "list", "--error", "xyz"],
            ["job", "list", "--id-prefix", "!"],
            ["job", "cancel"],
            ["job", "cancel", "0000000k5m2q", "--queue", "q"],
            ["job", "cancel", "--queue", "q"],
            ["job", "retry", "0000000k5m2q", "--rate", "5"],
            ["job", "edit", "0000000k5m2q"],
            ["job", "edit", "0000000k5m2q", "--payload", "x", "-"],
            ["job", "delete", "0000000k5m2q"],
            ["job", "delete", "--all", "--yes", "--dry-run"],
            ["job", "reprioritise", "--all"],
            ["job", "reprioritise", "--all", "--priority", "256"],
            ["job", "explain"],
            ["job", "logs", "0000000k5m2q", "--limit", "0"],
            ["dead", "redrive"],
            ["dead", "purge", "--queue", "q"],
            ["queue", "get"],
            ["queue", "set", "q"],
            ["queue", "set", "q", "--order", "random"],
            ["queue", "set", "q", "--bytes-max", "much"],
            ["queue", "pause", "no/slashes"],
            ["queue", "purge", "q"],
            ["queue", "delete", "q"],
            ["events"],
            ["verify", "--repair"],
            ["verify", "--data", "d", "--server", "martlet://127.0.0.1:1"],
            ["worker", "--queue", "q=0", "--exec", "cat"],
            ["worker", "--queue", "q", "--queue", "q", "--exec", "cat"],
            ["worker", "--exec", "cat"],
            ["worker", "--queue", "q"],
            ["worker", "--queue", "q", "--exec", "echo 'open"],
            ["gateway"],
            ["gateway", "--broker", "nonsense"],
            ["broker"],
            ["broker", "--data", "d", "--listen", "nonsense"],
            ["queue", "list", "--server", "http://127.0.0.1:1"],
            ["queue", "list", "--config", "/nowhere/at/all.json"],
            ["bench", "--workload", "nap"],
            ["bench", "--payload-size", "10"],
            ["bench", "--batch", "2000"],
            ["bench", "--json", "--csv"],
            ["bench", "--hdr", "/nowhere/at/all.hgrm"],
            ["bench", "--workload", "flow", "--rate", "5"],
            ["bench", "--kill", "--durability", "memory"],
            ["bench", "--kill", "--server", "martlet://127.0.0.1:1"],
            ["bench", "--payload-file", "/nowhere/at/all"],
            ["nonsense"],
        ])
        func `wrong usage ends with status 64 and one line that says what is wrong`(
            arguments: [String]
        ) async throws {
            let outcome = try await Program.run(arguments)
            #expect(outcome.status == 64, "\(outcome)")
            #expect(outcome.output.isEmpty)
            #expect(outcome.errors.hasPrefix("martlet: "), "\(outcome)")
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
        }

        @Test func `a misspelt setting is refused by name, with the nearest one that there is`()
            async throws
        {
            try await withScratch { directory in
                let file = directory + "/martlet.json"
                try #"{"data": "d", "log_levl": "info"}"#.write(
                    toFile: file, atomically: true, encoding: .utf8)
                let outcome = try await Program.run("serve", "--config", file)
                #expect(outcome.status == 64, "\(outcome)")
                #expect(outcome.errors.contains("\"log_levl\""), "\(outcome)")
                #expect(outcome.errors.contains("\"log_level\""), "\(outcome)")
                #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
            }
        }

        @Test(arguments: [#"{"data": 5}"#, "[]", "{"])
        func `a settings file that says nothing sensible is refused`(text: String) async throws {
            try await withScratch { directory in
                let file = directory + "/martlet.json"
                try text.write(toFile: file, atomically: true, encoding: .utf8)
                let outcome = try await Program.run("serve", "--config", file)
                #expect(outcome.status == 64, "\(outcome)")
                #expect(outcome.errors.contains(file), "\(outcome)")
            }
        }

        @Test(arguments: [
            ["--help"], ["serve", "--help"], ["broker", "--help"], ["gateway", "--help"],
            ["worker", "--help"],
            ["submit", "--help"], ["job", "--help"], ["job", "get", "--help"],
            ["job", "wait", "--help"],
            ["job", "result", "--help"], ["job", "list", "--help"], ["queue", "--help"],
            ["job", "cancel", "--help"], ["job", "retry", "--help"], ["job", "edit", "--help"],
            ["job", "delete", "--help"], ["job", "explain", "--help"], ["job", "logs", "--help"],
            ["job", "events", "--help"], ["job", "reprioritise", "--help"], ["dead", "--help"],
            ["dead", "list", "--help"], ["dead", "groups", "--help"],
            ["dead", "redrive", "--help"],
            ["dead", "purge", "--help"], ["queue", "get", "--help"], ["queue", "set", "--help"],
            ["queue", "pause", "--help"], ["queue", "resume", "--help"],
            ["queue", "drain", "--help"], ["queue", "purge", "--help"],
            ["queue", "delete", "--help"], ["events", "--help"], ["verify", "--help"],
            ["queue", "list", "--help"], ["queue", "stats", "--help"], ["demo", "--help"],
            ["bench", "--help"],
        ])
        func `help goes to standard output`(arguments: [String]) async throws {
            let outcome = try await Program.run(arguments)
            #expect(outcome.status == 0)
            #expect(outcome.text.contains("USAGE: martlet"))
            #expect(outcome.errors.isEmpty)
        }

        @Test func `every exit status is in the help`() async throws {
            let help = try await Program.run("--help").text
            for status in [0, 1, 3, 4, 5, 6, 7, 64, 65, 69, 74, 130] {
                #expect(
                    help.split(separator: "\n").contains {
                        $0.trimmingCharacters(in: .whitespaces).hasPrefix("\(status)  ")
                    })
            }
        }

        @Test func `the version is printed`() async throws {
            let outcome = try await Program.run("--version")
            #expect(outcome.text == "0.1.0\n")
        }

        @Test(arguments: [
            ["submit", "q", "--payload", "x"], ["job", "get", "0000000k5m2q"], ["job", "list"],
            ["queue", "list"], ["worker", "--queue", "q", "--exec", "cat"],
        ])
        func `a server that is not there is status 69 within two seconds`(
            arguments: [String]
        ) async throws {
            let port = try unusedPort()
            let clock = ContinuousClock()
            var outcome = try await Program.run("--version")
            let took = try await clock.measure {
                outcome = try await Program.run(
                    arguments + ["--server", "martlet://127.0.0.1:\(port)"])
            }
            #expect(took < .seconds(2))
            #expect(outcome.status == 69, "\(outcome)")
            #expect(
                outcome.errors.contains(
                    "cannot reach martlet://127.0.0.1:\(port): connection refused"))
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
        }

        @Test func `the command line counts before the environment, and that before the file`()
            async throws
        {
            try await withScratch { directory in
                let file = directory + "/settings.json"
                try #"{"server": "martlet://from-file:1x"}"#.write(
                    toFile: file, atomically: true, encoding: .utf8)
                let byFile = try await Program.run("queue", "list", "--config", file)
                #expect(byFile.errors.contains("from-file"))
                let byEnvironment = try await Program.run(
                    "queue", "list",
                    environment: [
                        "MARTLET_CONFIG": file, "MARTLET_SERVER": "martlet://from-env:1x",
                    ])
                #expect(byEnvironment.errors.contains("from-env"))
                let byFlag = try await Program.run(
                    "queue", "list", "--server", "martlet://from-flag:1x",
                    environment: [
                        "MARTLET_CONFIG": file, "MARTLET_SERVER": "martlet://from-env:1x",
                    ])
                #expect(byFlag.errors.contains("from-flag"))
            }
        }

        @Test func `an interrupt ends a waiting command with status 130`() async throws {
            try await withServe { server in
                let child = try ChildProcess(
                    ["submit", "idle", "--lines", "--wait", "--server", server.address])
                try child.write("x\n")
                // The job is there: the command is past its start and waits for input.
                try await server.waitForJobs(in: "idle", ready: 1)
                child.send(SIGINT)
                try await blocking { child.waitUntilExit() }
                #expect(child.status == 130)
            }
        }

        /// A port that nobody listens on: bound for a moment, so that it was free.
        private func unusedPort() throws -> UInt16 {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            return try withUnsafeMutablePointer(to: &address) { pointer in
                try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    guard bind(listener, $0, size) == 0, getsockname(listener, $0, &size) == 0
                    else {
                        throw TestFailure("no port is free")
                    }
                    return UInt16(bigEndian: pointer.pointee.sin_port)
                }
            }
        }
    }
}
