import Foundation

/// What may be done with a stream: colour and progress bars are for people at a terminal, and never
/// when `NO_COLOR` is set (https://no-color.org).
struct Terminal {
    let isTerminal: Bool
    let allowsColour: Bool

    init(descriptor: Int32) {
        isTerminal = isatty(descriptor) == 1
        let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
        allowsColour = isTerminal && !refused && !isDumb
    }

    static var output: Terminal { Terminal(descriptor: FileDescriptor.standardOutput) }
    static var error: Terminal { Terminal(descriptor: FileDescriptor.standardError) }

    func styled(_ text: String, _ style: Style) -> String {
        allowsColour ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }

    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }
}
