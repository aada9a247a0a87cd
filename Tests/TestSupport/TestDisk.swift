import Foundation

/// Where tests put stores: what is written there need not outlive them.
package enum TestDisk {
    /// In memory, where nothing waits for a disk, if there is room: what containers get is often 64 MiB.
    package static let path: String = {
        let memory = "/dev/shm"
        var status = statvfs()
        let isRoomy =
            statvfs(memory, &status) == 0
            && UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 1 << 30
        return isRoomy && access(memory, W_OK) == 0 ? memory : NSTemporaryDirectory()
    }()

    /// On a file system to which the kernel writes by itself, if one is at hand.
    package static let writtenByKernel: String? = [NSTemporaryDirectory(), "/var/tmp"]
        .map { URL(filePath: $0).resolvingSymlinksInPath().path }
        .first { ["ext2", "ext3", "ext4", "xfs"].contains(fileSystem(of: $0)) }

    private static func fileSystem(of directory: String) -> String {
        let table = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        let mounts = table.split(separator: "\n").map { $0.split(separator: " ") }
        let above = mounts.filter { $0[1] == "/" || "\(directory)/".hasPrefix("\($0[1])/") }
        return above.max { $0[1].count < $1[1].count }.map { String($0[2]) } ?? ""
    }
}
