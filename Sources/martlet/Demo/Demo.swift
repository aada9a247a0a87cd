import ArgumentParser
import Foundation

/// `martlet demo`: the whole path on real input, in separate processes, with an accident on the
/// way.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Hash thousands of files through a broker, a gateway and two workers, and kill one of them.",
        discussion: """
            Starts the processes on free ports with a temporary data directory, submits
            every file below /usr/share/doc and /usr/include that is under 1 MiB to
            workers that run sha256sum, kills one worker midway, and compares each result
            with a local sha256sum. Exits with 0 when nothing is missing and nothing
            differs.
            """)

    @Option(
        help: ArgumentHelp(
            "Take the files below this directory; may be repeated.", valueName: "dir"))
    var directory: [String] = []

    func run() async throws {
        let directories = directory
        let isComplete = try await untilInterrupted {
            let files = try DemoFiles.find(below: directories)
            return try await TemporaryDirectory.with(prefix: "martlet-demo") { data in
                try await DemoCluster.with(data: data) { cluster in
                    try await DemoRun(files: files, cluster: cluster).run()
                }
            }
        }
        if !isComplete { throw CommandFailure(.failed, nil) }
    }
}

/// A directory for as long as it is needed.
enum TemporaryDirectory {
    static func with<Result: Sendable>(
        prefix: String, _ body: (String) async throws -> Result
    ) async throws -> Result {
        let name = "\(prefix)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        let path = FileManager.default.temporaryDirectory.appending(path: name).path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(path))
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: path)
        return try result.get()
    }
}
