import MartletClient
import MartletWire

/// Jobs on their way from whoever submits them to whoever waits for their results, in order.
/// Bounded: the one waits for the other.
actor ExpectedJobs {
    private var ids: ArraySlice<JobStatus.ID> = []
    private var isEnded = false
    private var giver: CheckedContinuation<Void, Never>?
    private var taker: CheckedContinuation<Void, Never>?

    private static let countMax = 4 * Limits.batchMax

    /// Returns once there is room for more, or when nobody takes any more.
    func add(_ more: [JobStatus.ID]) async {
        ids += more
        wake(&taker)
        while ids.count > Self.countMax, !isEnded {
            await withCheckedContinuation { giver = $0 }
        }
    }

    /// There will be no more, or nobody wants more.
    func end() {
        isEnded = true
        wake(&taker)
        wake(&giver)
    }

    /// The oldest one; `nil` at the end.
    func next() async -> JobStatus.ID? {
        while ids.isEmpty {
            if isEnded { return nil }
            await withCheckedContinuation { taker = $0 }
        }
        if ids.count <= Self.countMax { wake(&giver) }
        return ids.popFirst()
    }

    private func wake(_ sleeper: inout CheckedContinuation<Void, Never>?) {
        sleeper?.resume()
        sleeper = nil
    }
}
