import Foundation

/// Where messages go.
enum StandardError {
    /// Says what went wrong: `martlet: sentence.`, in one line.
    static func complain(_ sentence: String) {
        var oneLine = sentence.split(separator: "\n").joined(separator: " ")
        if let last = oneLine.last, !".?!".contains(last) { oneLine.append(".") }
        write("martlet: \(oneLine)\n")
    }

    /// Writes as it is; there is nobody left to tell when this fails.
    static func write(_ text: String) {
        _ = FileDescriptor.writeAll(Array(text.utf8), to: FileDescriptor.standardError)
    }
}
