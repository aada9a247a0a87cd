import NIOCore
import Testing

@testable import MartletWorker

struct CommandWordsTests {
    @Test(arguments: [
        ("sha256sum", ["sha256sum"]),
        ("tr a-z A-Z", ["tr", "a-z", "A-Z"]),
        ("  tr\ta-z\n A-Z  ", ["tr", "a-z", "A-Z"]),
        ("grep 'two words'", ["grep", "two words"]),
        (#"grep "two words""#, ["grep", "two words"]),
        (#"a 'b\n"c'"#, ["a", #"b\n"c"#]),
        (#"a "b'c \" \\ \$ \` \n""#, ["a", #"b'c " \ $ ` \n"#]),
        (#"a b\ c \'d\" \\"#, ["a", "b c", #"'d""#, #"\"#]),
        (#"a b'c d'"e f"g"#, ["a", "bc de fg"]),
        (#"a '' "" b"#, ["a", "", "", "b"]),
        ("a b\\\nc", ["a", "bc"]),
        ("a \"b\\\nc\"", ["a", "bc"]),
        ("echo $HOME * | # ; > x", ["echo", "$HOME", "*", "|", "#", ";", ">", "x"]),
        ("echo 'žluťoučký 🐦' ü", ["echo", "žluťoučký 🐦", "ü"]),
    ])
    func `a line is split as the shell would, and nothing is expanded`(
        line: String, words: [String]
    ) throws {
        #expect(try CommandWords.split(line) == words)
    }

    @Test(arguments: [
        ("echo 'abc", CommandSyntaxError.unbalancedQuote("'", position: 6)),
        (#"echo "abc"#, .unbalancedQuote("\"", position: 6)),
        (#"echo "abc\""#, .unbalancedQuote("\"", position: 6)),
        (#"'a' "b"#, .unbalancedQuote("\"", position: 5)),
        (#"echo abc\"#, .trailingBackslash),
        ("", .empty), ("  \t ", .empty), ("''", .empty), ("'' a", .empty),
    ])
    func `a line that is not whole is refused, and the reason says where`(
        line: String, error: CommandSyntaxError
    ) {
        #expect(throws: error) { try CommandWords.split(line) }
    }

    /// The shell itself is the judge: both must see the same words.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            #"x  'a b' "c d" e\ f"#, #"x "\a\"\\" '\a'"#, #"x a''b"" """#, #"x "a'b"'c"d'"#,
        ])
    func `the shell splits it the same way`(line: String) async throws {
        let script = "f() { shift; for w; do printf '%s\\0' \"$w\"; done; }; f \(line)"
        let output = try await SubprocessHandler(command: Command(shell: script))
            .run(.init(), environment: [:], outputBytesMax: 1024)
        let words = String(buffer: output).split(separator: "\0", omittingEmptySubsequences: false)
        #expect(try CommandWords.split(line).dropFirst() == words.dropLast().map(String.init)[...])
    }
}
