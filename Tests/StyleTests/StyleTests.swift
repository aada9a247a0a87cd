import Testing

/// What CONTRIBUTING.md says about how code here looks, as far as a machine can tell. `swift
/// format` checks the rest.
struct StyleTests {
    @Test func `functions are found and their lines counted`() {
        let lines = """
            struct Sample {
                init(a: Int) {
                    b = a
                }

                func `with spaces`(
                    c: Int
                ) -> Int {
                    if c > 0 {
                        c
                    }
                }

                func required()
                func last() {}
            }
            """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let functions = Function.all(in: lines)
        #expect(functions.map(\.line) == [2, 6])
        #expect(functions.map(\.lineCount) == [3, 7])
        #expect(SourceFile.sources.count { !Function.all(in: $0.lines).isEmpty } > 100)
    }

    @Test func `the repository's files are found`() {
        #expect(SourceFile.sources.count > 50)
        #expect(SourceFile.all.contains { $0.path == "Tests/StyleTests/StyleTests.swift" })
    }

    @Test(arguments: SourceFile.all)
    func `a line has at most 120 characters`(file: SourceFile) {
        for (index, line) in file.lines.enumerated() where line.count > 120 {
            Issue.record("\(file.path):\(index + 1) has \(line.count) characters")
        }
    }

    @Test(arguments: SourceFile.all)
    func `a file has at most 600 lines`(file: SourceFile) {
        #expect(file.lines.count <= 600, "\(file.path)")
    }

    @Test func `half of the source files have fewer than 150 lines`() {
        let counts = SourceFile.sources.map(\.lines.count).sorted()
        #expect(counts[counts.count / 2] < 150)
    }

    @Test(arguments: SourceFile.all)
    func `a function has at most 70 lines`(file: SourceFile) {
        for function in Function.all(in: file.lines) where function.lineCount > 70 {
            Issue.record("\(file.path):\(function.line) has \(function.lineCount) lines")
        }
    }

    @Test(arguments: SourceFile.all)
    func `words that promise later work or crash by surprise do not occur`(file: SourceFile) {
        for (index, line) in file.codeLines where !file.isIn("StyleTests") {
            for word in Self.bannedWords where line.containsWord(word) {
                Issue.record("\(file.path):\(index + 1) has \(word)")
            }
        }
    }

    private static let bannedWords = ["FIX" + "ME", "TO" + "DO", "try!", "as!", "fatalError"]

    @Test(arguments: SourceFile.sources)
    func `only the command line prints`(file: SourceFile) {
        for (index, line) in file.codeLines where !file.isIn("martlet") {
            if line.containsWord("print(") || line.containsWord("debugPrint(") {
                Issue.record("\(file.path):\(index + 1) prints")
            }
        }
    }

    @Test(arguments: SourceFile.sources)
    func `bytes are borrowed unsafely only where bytes are the trade`(file: SourceFile) {
        let allowed = ["Store", "MartletCompression", "MartletWire"]
        guard !allowed.contains(where: file.isIn) else { return }
        for (index, line) in file.codeLines
        where line.contains("withUnsafe") && !line.contains("withUnsafeCurrentTask") {
            Issue.record("\(file.path):\(index + 1) calls withUnsafe…")
        }
    }

    @Test(arguments: SourceFile.sources)
    func `whoever silences the concurrency checker names the owner of the state`(file: SourceFile) {
        for (index, line) in file.codeLines
        where line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") {
            let above = file.lines[..<index].last { !$0.trimmed.hasPrefix("@") } ?? ""
            if !above.trimmed.hasPrefix("//"), !line.contains("//") {
                Issue.record("\(file.path):\(index + 1) needs a comment that names the owner")
            }
        }
    }

    private static let sleeps = ["Task.sleep(", "Thread.sleep(", "usleep(", "nanosleep("]

    @Test(arguments: SourceFile.all.filter { $0.path.hasPrefix("Tests/") })
    func `tests do not sleep`(file: SourceFile) {
        for (index, line) in file.codeLines where !file.isIn("StyleTests") {
            if Self.sleeps.contains(where: line.containsWord) {
                Issue.record("\(file.path):\(index + 1) sleeps: wait for what is to happen instead")
            }
        }
    }

    /// Where tests of a process are started all at once: each would have to be done when all are.
    private static let together = SourceFile.all.filter {
        $0.path.hasPrefix("Tests/") && !$0.isIn("IntegrationTests") && !$0.isIn("StyleTests")
    }

    @Test(arguments: together)
    func `a suite with a time limit has few of its tests under way at a time`(file: SourceFile) {
        for (index, line) in file.codeLines where line.contains("@Suite(.timeLimit") {
            Issue.record("\(file.path):\(index + 1) lacks .fewAtATime")
        }
    }
}
