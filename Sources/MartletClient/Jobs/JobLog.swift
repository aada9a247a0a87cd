public import Foundation
package import MartletWire

/// The lines of a job that are still kept, page by page as the loop asks for them, up to the last
/// one that there was then.
public struct JobLog: AsyncSequence, Sendable {
    public typealias Element = Line
    public typealias Failure = MartletError

    let client: MartletClient
    let id: JobStatus.ID
    let from: UInt64

    public func makeAsyncIterator() -> Iterator {
        Iterator(log: self, next: from)
    }

    /// A line that a job's handler logged.
    public struct Line: Hashable, Sendable {
        /// Counts every line that the job ever logged, from 0; also those that are no longer kept.
        public let offset: UInt64
        public let at: Date
        /// The attempt that logged it.
        public let attempt: Int
        public let text: String
    }

    public struct Iterator: AsyncIteratorProtocol {
        let log: JobLog
        /// nil: the last page has been read.
        var next: UInt64?
        var page: ArraySlice<LogLine> = []

        public mutating func next() async throws(MartletError) -> Line? {
            if page.isEmpty, let next {
                let answer = try await log.client.logPage(of: log.id, from: next)
                page = answer.lines[...]
                self.next = answer.lines.count < Limits.logLimitMax ? nil : answer.next
            }
            return page.popFirst().map { Line($0) }
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> Line? {
            try await next()
        }
    }
}

extension JobLog.Line {
    package init(_ line: LogLine) {
        offset = line.offset
        at = Date(protocolTime: line.at)
        attempt = Int(line.attempt)
        text = line.text
    }
}
