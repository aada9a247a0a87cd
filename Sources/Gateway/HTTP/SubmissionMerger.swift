import MartletClient
import MartletWire
import NIOCore

/// Merges single submissions that arrive together into one frame per destination.
///
/// The first goes at once; whatever arrives while it is under way goes with the next one. So there is no
/// timer to choose: alone, a job waits for nobody, and the busier it is, the larger the frames.
actor SubmissionMerger {
    private struct Pending {
        let payload: ByteBuffer
        let continuation: CheckedContinuation<PushedJob, any Error>
    }

    private let server: any JobServer
    /// Bytes above which a frame takes no further payload: small jobs need not wait behind a large one's bytes.
    private let frameBytes: Int
    /// What waits, by destination. A destination is here as long as one of its frames is under way.
    private var waiting: [Destination: [Pending]] = [:]

    init(server: any JobServer, frameBytes: Int = Limits.splitBytes) {
        self.server = server
        self.frameBytes = frameBytes
    }

    /// Jobs that wait for a frame.
    var waitingCount: Int { waiting.values.reduce(0) { $0 + $1.count } }

    /// Submits one job, and returns when the broker has answered.
    ///
    /// - Throws: `MartletError`: the job was refused, or the broker did not answer.
    func submit(_ payload: ByteBuffer, to destination: Destination) async throws -> PushedJob {
        try await withCheckedThrowingContinuation { continuation in
            let pending = Pending(payload: payload, continuation: continuation)
            if waiting[destination] == nil {
                waiting[destination] = []
                // Not a child of whoever came first: its cancellation would take the others' jobs with it.
                Task { await send([pending], to: destination) }
            } else {
                waiting[destination]?.append(pending)
            }
        }
    }

    /// Sends one frame after the other until nothing waits for this destination.
    private func send(_ first: [Pending], to destination: Destination) async {
        var frame = first
        while !frame.isEmpty {
            await submit(frame, to: destination)
            frame = takeFrame(for: destination)
        }
        waiting[destination] = nil
    }

    private func takeFrame(for destination: Destination) -> [Pending] {
        guard let all = waiting[destination] else { return [] }
        var count = 0
        var bytes = 0
        while count < min(all.count, Limits.batchMax), bytes < frameBytes {
            bytes += all[count].payload.readableBytes
            count += 1
        }
        waiting[destination] = Array(all[count...])
        return Array(all[..<count])
    }

    private func submit(_ frame: [Pending], to destination: Destination) async {
        do {
            let results = try await server.submit(
                frame.map(\.payload), to: destination, isAtomic: false)
            for (pending, result) in zip(frame, results) {
                pending.continuation.resume(with: result.mapError { $0 as any Error })
            }
        } catch {
            for pending in frame { pending.continuation.resume(throwing: error) }
        }
    }
}
