import MartletWire
import Testing

struct NamesTests {
    @Test(arguments: ["a", "0", "Z9", "mail.out_going-1:high", String(repeating: "q", count: 128)])
    func `a queue may be called`(name: String) throws {
        try Names.check(queue: name)
    }

    @Test(arguments: [
        "", ".a", "-a", "_a", ":a", "a b", "a/b", "a\n", "ä", "a\0",
        String(repeating: "q", count: 129),
    ])
    func `a queue may not be called`(name: String) {
        #expect(code { () throws(WireError) in try Names.check(queue: name) } == .queueNameInvalid)
    }

    @Test(arguments: [
        "a", "thumbnail", "größe", "画像", "🐦", "a/b?c=d", String(repeating: "é", count: 64),
    ])
    func `a type may be called`(name: String) throws {
        try Names.check(type: name)
    }

    @Test(arguments: [
        "", " ", "a b", "a\tb", "a\u{a0}b", "a\u{2003}b", "a\u{2028}b", "a\u{7f}", "a\u{85}", "\0",
        String(repeating: "é", count: 65),
    ])
    func `a type may not be called`(name: String) {
        #expect(code { () throws(WireError) in try Names.check(type: name) } == .typeInvalid)
    }

    @Test func `a name that is too long is told the limit and its length`() {
        let error = #expect(throws: WireError.self) {
            try Names.check(queue: String(repeating: "q", count: 700))
        }
        #expect(error?.limit == 128)
        #expect(error?.actual == 700)
        #expect(error?.message == "queue name has 700 bytes, the limit is 128")
    }

    private func code(_ body: () throws(WireError) -> Void) -> ErrorCode? {
        do throws(WireError) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }
}
