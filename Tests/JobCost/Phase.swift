import Dispatch
import Foundation
import Logging
import Synchronization

/// Jobs of one frame.
let batch = 64

/// Names the phase that has ended. Callgrind writes its counts down, and begins new ones, whenever this is called.
@inline(never)
func phaseEnded(_ name: String) {
    FileHandle.standardOutput.write(Data("\(name)\n".utf8))
}

/// Runs an asynchronous function to its end, for the main thread, which belongs to nobody else.
func waitFor(_ body: @escaping @Sendable () async throws -> Void) throws {
    let ended = DispatchSemaphore(value: 0)
    let outcome = Mutex<(any Error)?>(nil)
    Task.detached {
        do { try await body() } catch { outcome.withLock { $0 = error } }
        ended.signal()
    }
    ended.wait()
    if let error = outcome.withLock({ $0 }) { throw error }
}

/// Why the jobs could not be carried out.
struct JobCostError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension Logger {
    static var critical: Logger {
        var logger = Logger(label: "job-cost")
        logger.logLevel = .critical
        return logger
    }
}
