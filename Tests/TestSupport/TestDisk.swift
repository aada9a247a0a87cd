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
}
