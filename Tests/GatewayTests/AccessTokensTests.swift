import Foundation
import MartletWire
import Testing

@testable import Gateway

struct AccessTokensTests {
    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID())")
        try Data(text.utf8).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        try body(path.path)
    }

    @Test func `a file holds one token a line`() throws {
        try withFile("# for the web\nfirst\n\n  second \r\n") { path in
            let tokens = try AccessTokens(file: path)
            #expect(tokens.accept("first".utf8))
            #expect(tokens.accept("second".utf8))
            #expect(!tokens.accept("# for the web".utf8))
            #expect(!tokens.accept("".utf8))
        }
    }

    @Test func `a file without a token opens no door`() throws {
        try withFile("# nothing\n\n") { path in
            #expect(throws: TokenFileError.self) { try AccessTokens(file: path) }
        }
        #expect(throws: TokenFileError.self) { try AccessTokens(file: "/nowhere/tokens") }
    }

    @Test func `without tokens everybody is welcome`() {
        #expect(AccessTokens.none.accept("anything".utf8))
        #expect(!AccessTokens.none.areRequired)
    }
}
