import ArgumentParser

/// How much of a list, and from where.
struct PageOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Lines to show (default \(Self.usual)).", valueName: "count"))
    var limit: Int?

    @Option(help: ArgumentHelp("Go on where a page ended.", valueName: "cursor"))
    var cursor: Cursor?

    @Flag(help: "All of it, however long it is.")
    var all = false

    @Flag(help: "One JSON object a line.")
    var json = false

    static let usual = 50

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit).") }
        guard limit == nil || !all else {
            throw ValidationError("--limit and --all exclude each other.")
        }
    }

    /// At most so many lines.
    var count: Int { all ? .max : limit ?? Self.usual }

    /// Says on standard error how to see what comes next, when something does.
    static func tell(next cursor: [UInt8]) {
        guard !cursor.isEmpty else { return }
        StandardError.write("more: --cursor \(Cursor(bytes: cursor))\n")
    }
}

/// The opaque end of a page, in hexadecimal.
struct Cursor: ExpressibleByArgument, CustomStringConvertible {
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    init?(argument: String) {
        let digits = argument.compactMap(\.hexDigitValue)
        guard digits.count == argument.count, digits.count.isMultiple(of: 2), digits.count <= 510
        else { return nil }
        bytes = stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }

    var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
