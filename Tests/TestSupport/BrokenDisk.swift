import Foundation

/// A disk that breaks under files that are open.
package enum BrokenDisk {
    /// From now on, whatever this process writes to files that it has open below the directory fails
    /// with EIO: their descriptors lead to memory that nobody has.
    /// - Returns: how many files there are.
    package static func fail(below directory: String) throws -> Int {
        let nowhere = open("/proc/self/mem", O_RDWR | O_CLOEXEC)
        guard nowhere >= 0 else { throw POSIXError(.EACCES) }
        defer { close(nowhere) }
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        var count = 0
        for descriptor in descriptors.compactMap({ Int32($0) })
        where path(of: descriptor)?.hasPrefix(directory + "/") == true {
            guard dup2(nowhere, descriptor) >= 0 else { throw POSIXError(.EBADF) }
            count += 1
        }
        return count
    }

    /// Nil when it was closed meanwhile.
    private static func path(of descriptor: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
    }
}
