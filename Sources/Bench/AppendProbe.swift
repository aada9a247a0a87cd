import FoundationEssentials
import Glibc

/// How long the disk takes for one synchronous append: a durable submission waits for as much at least, and the bench
/// prints it beside its figures.
package struct AppendProbe: Codable, Equatable, Sendable {
    package var p50Microseconds: Double
    package var p99Microseconds: Double
    /// The directory has no disk behind it (tmpfs): its durable figures mean nothing.
    package var isInMemory: Bool

    enum CodingKeys: String, CodingKey {
        case p50Microseconds = "p50_us"
        case p99Microseconds = "p99_us"
        case isInMemory = "in_memory"
    }

    private static let appendBytes = 4096
    private static let fileBytes = 4 << 20
    private static let appends = 1_500

    /// Writes 4 KiB pieces, one after the other, over a file in `directory` that has been written before and is
    /// open with `O_DSYNC`. Blocks for some tenths of a second.
    ///
    /// - Throws: `BenchError.system`.
    package static func measure(in directory: String) throws -> AppendProbe {
        let path = "\(directory)/append-probe"
        defer { unlink(path) }
        try prewrite(path)
        let descriptor = try open(path, O_WRONLY | O_DSYNC)
        defer { close(descriptor) }

        let piece = [UInt8](repeating: 0x4d, count: appendBytes)
        var latencies = Latencies()
        for append in 0..<appends {
            let begin = LoadClock.now()
            try write(piece, to: descriptor, at: append * appendBytes % fileBytes)
            latencies.record(from: begin, to: LoadClock.now())
        }
        return AppendProbe(
            p50Microseconds: latencies.summary.p50, p99Microseconds: latencies.summary.p99,
            isInMemory: try isInMemory(directory))
    }

    /// Finds the device of `directory` among the mounts: `36 35 98:0 / /mnt rw shared:1 - ext4 …`.
    private static func isInMemory(_ directory: String) throws -> Bool {
        var status = stat()
        guard stat(directory, &status) == 0 else { throw failure("looking at \(directory)") }
        let device = Int(status.st_dev)
        let number = "\(device >> 8 & 0xfff):\(device & 0xff | device >> 12 & 0xfff00)"
        let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        for mount in mounts.split(separator: "\n") {
            let fields = mount.split(separator: " ")
            guard fields.count > 2, fields[2] == number, let dash = fields.firstIndex(of: "-")
            else { continue }
            return ["tmpfs", "ramfs"].contains(fields[dash + 1])
        }
        return false
    }

    private static func prewrite(_ path: String) throws(BenchError) {
        let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        let piece = [UInt8](repeating: 0, count: appendBytes)
        for offset in stride(from: 0, to: fileBytes, by: appendBytes) {
            try write(piece, to: descriptor, at: offset)
        }
        guard fsync(descriptor) == 0 else { throw failure("syncing \(path)") }
    }

    private static func open(_ path: String, _ flags: Int32) throws(BenchError) -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("opening \(path)") }
        return descriptor
    }

    private static func write(
        _ bytes: [UInt8], to descriptor: Int32, at offset: Int
    ) throws(BenchError) {
        guard pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count else {
            throw failure("writing the append probe")
        }
    }

    private static func failure(_ what: String) -> BenchError {
        .system("\(what): \(String(cString: strerror(errno)))")
    }
}
