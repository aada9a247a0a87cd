import Foundation

/// Where data goes.
enum StandardOutput {
    /// Writes all of `bytes`. When nobody reads any more (`martlet job list | head`), ends the
    /// program without a word, as other filters do.
    static func write(_ bytes: [UInt8]) {
        guard let errorNumber = FileDescriptor.writeAll(bytes, to: FileDescriptor.standardOutput)
        else {
            return
        }
        if errorNumber != EPIPE {
            StandardError.complain(
                "cannot write to standard output: \(systemMessage(errorNumber)).")
        }
        exit(ExitStatus.failed.rawValue)
    }

    static func write(line: String) {
        write(Array(line.utf8) + [UInt8(ascii: "\n")])
    }
}
