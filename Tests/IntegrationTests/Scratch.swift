import Foundation

/// A directory that vanishes with the test.
/// - Parameter onDisk: whether it has to be a disk that is written to.
func withScratch<Result>(
    onDisk: Bool = false, _ body: (String) async throws -> Result
) async throws -> Result {
    let parent = onDisk ? FileManager.default.temporaryDirectory.path : scratchDisk
    let path = parent + "/martlet-test-\(UInt64.random(in: 0...UInt64.max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            // The system empties that directory one day.
        }
    }
    return try await body(path)
}

/// In memory, where no server waits for a disk that others keep busy, if there is room: what containers get is
/// often 64 MiB.
private let scratchDisk: String = {
    let memory = "/dev/shm"
    var status = statvfs()
    let isRoomy =
        statvfs(memory, &status) == 0
        && UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 2 << 30
    return isRoomy && access(memory, W_OK) == 0
        ? memory : FileManager.default.temporaryDirectory.path
}()

/// A server in one process on a directory that vanishes; killed at the end.
func withServe<Result>(_ body: (Server) async throws -> Result) async throws -> Result {
    try await withScratch { data in
        let server = try await Server.serve(data: data + "/data")
        let result = try await body(server)
        try await server.kill()
        return result
    }
}

/// A broker on a directory that vanishes; killed at the end.
func withBroker<Result>(_ body: (Server) async throws -> Result) async throws -> Result {
    try await withScratch { data in
        let server = try await Server.broker(data: data + "/data")
        let result = try await body(server)
        try await server.kill()
        return result
    }
}
