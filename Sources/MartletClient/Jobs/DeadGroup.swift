public import Foundation
package import MartletWire

/// Dead jobs of a queue that died of the same error, numbers and ids in its message aside.
public struct DeadGroup: Sendable {
    public let queue: String
    /// What the errors have in common; a ``JobQuery`` finds the jobs by it.
    public let fingerprint: UInt64
    /// Dead jobs of the group that are still kept.
    public let jobs: Int
    public let firstSeenAt: Date
    public let lastSeenAt: Date
    /// One of the jobs.
    public let example: JobStatus.ID
    /// The error's type; empty when the worker gave none.
    public let errorClass: String
    /// The first one's message, at most 512 bytes of it.
    public let message: String
}

/// Groups of dead jobs, queue by queue, page by page as the loop asks for them.
public struct DeadGroups: AsyncSequence, Sendable {
    public typealias Element = DeadGroup
    public typealias Failure = MartletError

    let client: MartletClient
    let queue: String?

    public func makeAsyncIterator() -> Iterator {
        Iterator(client: client, next: Groups(queue: queue ?? ""))
    }

    public struct Iterator: AsyncIteratorProtocol {
        let client: MartletClient
        /// nil: the last page has been read.
        var next: Groups?
        var page: ArraySlice<ErrorGroup> = []

        public mutating func next() async throws(MartletError) -> DeadGroup? {
            // A page may be empty and not the last.
            while page.isEmpty, let groups = next {
                let answer = try await client.page(of: groups)
                page = answer.groups[...]
                next?.cursor = answer.cursor
                if answer.cursor.isEmpty { next = nil }
            }
            return page.popFirst().map { DeadGroup($0) }
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> DeadGroup? {
            try await next()
        }
    }
}

extension DeadGroup {
    package init(_ group: ErrorGroup) {
        queue = group.queue
        fingerprint = group.fingerprint
        jobs = Int(clamping: group.jobs)
        firstSeenAt = Date(protocolTime: group.firstSeen)
        lastSeenAt = Date(protocolTime: group.lastSeen)
        example = JobStatus.ID(group.example)
        errorClass = group.errorClass
        message = group.message
    }
}
