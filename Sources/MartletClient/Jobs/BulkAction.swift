public import Foundation
package import MartletWire

/// Something that the server does to all jobs that match, in steps of its own.
public struct BulkAction: Identifiable, Sendable {
    /// All that is needed to ask again, for an hour after its end:
    /// ``MartletClient/bulkAction(_:)``.
    public let id: UInt64

    let client: MartletClient

    /// How far it is.
    public func status() async throws(MartletError) -> Status {
        try await status(waiting: .zero)
    }

    /// How far it is, again and again, until its end.
    public var progress: Progress {
        Progress(action: self)
    }

    /// Waits for its end.
    public func finished() async throws(MartletError) -> Status {
        while true {
            let status = try await status(waiting: Self.waitMax)
            if status.state != .running { return status }
        }
    }

    /// Ends it where it is. What it has done stays done.
    @discardableResult
    public func stop() async throws(MartletError) -> Status {
        try await ask(ActionGet(action: id, stops: true))
    }

    /// One request must not wait for as long as a client takes to believe that it was lost.
    private static let waitMax = Duration.seconds(10)

    fileprivate func status(waiting wait: Duration) async throws(MartletError) -> Status {
        let milliseconds = UInt32(clamping: wait.milliseconds)
        return try await ask(ActionGet(action: id, waitMilliseconds: milliseconds))
    }

    private func ask(_ message: ActionGet) async throws(MartletError) -> Status {
        Status(try await client.request(message, expecting: ActionInfo.self))
    }
}

extension BulkAction {
    /// How far an action is.
    public struct Status: Sendable {
        public let state: State
        /// Jobs looked at.
        public let seen: Int
        public let changed: Int
        /// Jobs that matched, and could not be changed.
        public let refused: Int
        public let startedAt: Date
        public let finishedAt: Date?

        public enum State: String, Sendable {
            case running
            case done
            case stopped
        }
    }

    /// An action's status, twice a second, until its end, which is the last one.
    public struct Progress: AsyncSequence, Sendable {
        public typealias Element = Status
        public typealias Failure = MartletError

        let action: BulkAction

        public func makeAsyncIterator() -> Iterator {
            Iterator(action: action)
        }

        public struct Iterator: AsyncIteratorProtocol {
            let action: BulkAction
            private var isFirst = true
            private var isOver = false

            init(action: BulkAction) {
                self.action = action
            }

            public mutating func next() async throws(MartletError) -> Status? {
                guard !isOver else { return nil }
                let wait = isFirst ? Duration.zero : .milliseconds(500)
                isFirst = false
                let status = try await action.status(waiting: wait)
                isOver = status.state != .running
                return status
            }

            public mutating func next(
                isolation actor: isolated (any Actor)?
            ) async throws(MartletError) -> Status? {
                try await next()
            }
        }
    }
}

extension BulkAction.Status {
    package init(_ info: ActionInfo) {
        state =
            switch info.state {
            case .running: .running
            case .done: .done
            case .stopped: .stopped
            }
        seen = Int(clamping: info.seen)
        changed = Int(clamping: info.changed)
        refused = Int(clamping: info.refused)
        startedAt = Date(protocolTime: info.startedAt)
        finishedAt = .orNil(protocolTime: info.finishedAt)
    }
}
