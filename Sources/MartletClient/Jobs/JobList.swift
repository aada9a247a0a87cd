import MartletWire

/// Jobs that a server lists: read from a snapshot page by page, at most 500 at a time.
///
/// It shows everything that this client has done before. A list that takes long shows each page as it was when it
/// was read, or a tenth of a second before.
public struct JobList: AsyncSequence, Sendable {
    public typealias Element = JobStatus
    public typealias Failure = MartletError

    let client: MartletClient
    let first: List

    public func makeAsyncIterator() -> Iterator {
        Iterator(client: client, next: first)
    }

    public struct Iterator: AsyncIteratorProtocol {
        let client: MartletClient
        /// nil: the last page has been read.
        var next: List?
        var page: ArraySlice<JobInfo> = []

        public mutating func next() async throws(MartletError) -> JobStatus? {
            // A page may be empty and not the last.
            while page.isEmpty, let list = next {
                let answer = try await client.page(of: list)
                page = answer.jobs[...]
                next?.cursor = answer.cursor
                next?.isFresh = false
                if answer.cursor.isEmpty { next = nil }
            }
            return page.popFirst().map { JobStatus($0) }
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> JobStatus? {
            try await next()
        }
    }
}
