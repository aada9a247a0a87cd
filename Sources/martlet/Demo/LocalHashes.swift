import Foundation
import Subprocess

/// What `sha256sum` says here, to compare with.
enum LocalHashes {
    private static let batch = 500

    /// The hashes of the files, in their order.
    static func compute(_ paths: [String]) async throws -> [String] {
        var hashes: [String] = []
        for start in stride(from: 0, to: paths.count, by: batch) {
            let some = paths[start..<min(start + batch, paths.count)]
            let outcome = try await Subprocess.run(
                .name("sha256sum"), arguments: Arguments(["--"] + some),
                output: .string(limit: 1 << 20),
                error: .currentStandardError)
            guard outcome.terminationStatus.isSuccess else {
                throw CommandFailure(.failed, "the local sha256sum failed.")
            }
            hashes += outcome.standardOutput.split(separator: "\n").map { hash(in: String($0)) }
        }
        return hashes
    }

    /// The hash at the beginning of a line; a backslash before it only says that the file's name is
    /// escaped.
    static func hash(in line: String) -> String {
        String(line.drop { $0 == "\\" }.prefix { $0.isHexDigit })
    }
}
