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
    private var isFollowed = false

    init(client: MartletClient, id: JobStatus.ID, from: UInt64) {
        self.client = client
        self.id = id
        self.from = from
    }

    /// The same lines, and those that are logged from then on: a loop over it ends when the job is
    /// finished, or gone. New lines are asked for twice a second.
    public var following: JobLog {
        var log = self
        log.isFollowed = true
        return log
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(log: self, next: from, waits: isFollowed)
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
        /// The job may still log something.
        var waits: Bool
        var page: ArraySlice<LogLine> = []

        public mutating func next() async throws(MartletError) -> Line? {
            while page.isEmpty, let next {
                let answer = try await log.client.logPage(of: log.id, from: next)
                page = answer.lines[...]
                let isWhole = answer.lines.count == Limits.logLimitMax
                self.next = isWhole || waits ? answer.next : nil
                if page.isEmpty, waits { try await pause() }
            }
            return page.popFirst().map { Line($0) }
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> Line? {
            try await next()
        }

        /// Until the job is finished, or it is time to look again. A finished job's lines are all
        /// there.
        private mutating func pause() async throws(MartletError) {
            do throws(MartletError) {
                let time = JobLog.followInterval
                _ = try await log.client.finishedInfo(of: log.id, parts: [], timeout: time)
                waits = false
            } catch  where error.code == .waitTimeout {
                // There may be more.
            } catch  where error.code == .jobNotFound {
                next = nil
            }
        }
    }

    /// How soon a new line is seen.
    package static let followInterval = Duration.milliseconds(500)
}

extension JobLog.Line {
    package init(_ line: LogLine) {
        offset = line.offset
        at = Date(protocolTime: line.at)
        attempt = Int(line.attempt)
        text = line.text
    }
}
