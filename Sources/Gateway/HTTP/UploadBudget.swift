import HTTPTypes
import MartletWire
import Synchronization

/// The memory that request bodies may take together. Connections are many and payloads are large: both at once
/// would be more than any machine has.
final class UploadBudget: Sendable {
    private let bytesMax: Int
    private let bytesTaken = Mutex(0)

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// Takes memory for a body; `release` gives it back. A single one is let in whatever its size: it
    /// has been checked against the limit of a payload.
    ///
    /// - Throws: a retryable `Problem` when others take too much now.
    func take(_ bytes: Int) throws(Problem) {
        let isTaken = bytesTaken.withLock { taken in
            guard taken == 0 || taken + bytes <= bytesMax else { return false }
            taken += bytes
            return true
        }
        if !isTaken { throw .tooManyUploads(limit: bytesMax) }
    }

    func release(_ bytes: Int) {
        bytesTaken.withLock { $0 -= bytes }
    }
}

extension Problem {
    fileprivate static func tooManyUploads(limit: Int) -> Problem {
        Problem(
            status: .serviceUnavailable, code: ErrorCode.unavailable.name,
            detail:
                "the bodies of other requests take \(limit.grouped) bytes, the gateway's limit; come back later",
            limit: UInt64(limit), isRetryable: true, retryAfterSeconds: 1)
    }
}
