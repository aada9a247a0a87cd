public import Foundation
package import MartletWire

/// Why a job is where it is.
public struct JobExplanation: Sendable {
    public let id: JobStatus.ID
    public let state: JobStatus.State
    public let reasons: [Reason]

    /// One of the reasons. Which of its values mean what, ``code`` says.
    public struct Reason: Sendable {
        public let code: Code
        public let since: Date?
        public let until: Date?
        public let number: UInt64
        public let detail: String
        /// All of it in words.
        public let sentence: String

        public init(
            code: Code, since: Date? = nil, until: Date? = nil, number: UInt64 = 0,
            detail: String = "", sentence: String
        ) {
            self.code = code
            self.since = since
            self.until = until
            self.number = number
            self.detail = detail
            self.sentence = sentence
        }

        /// Extensible: a newer server may give others.
        public struct Code: RawRepresentable, Hashable, Sendable {
            public let rawValue: UInt16

            public init(rawValue: UInt16) {
                self.rawValue = rawValue
            }

            /// It waits for its time, `until`.
            public static let delayed = Self(rawValue: 1)
            /// It failed and waits for its next attempt, `until`; `number` failures, the last with
            /// `detail`.
            public static let retry = Self(rawValue: 2)
            /// Its queue is paused, `since`; `detail` says by whom and why.
            public static let queuePaused = Self(rawValue: 3)
            /// No worker has subscribed to its queue.
            public static let noSubscriber = Self(rawValue: 4)
            /// `number` workers have subscribed, and all are busy.
            public static let noCredit = Self(rawValue: 5)
            /// `number` jobs are ahead of it, approximately when that is above 1,000,000.
            public static let inLine = Self(rawValue: 6)
            /// It runs, `since`, under a lease `until`, at the worker `detail` whose session is
            /// `number`.
            public static let running = Self(rawValue: 7)
            /// It was cancelled, `since`; its handler has `until`. `detail` is the reason.
            public static let cancelling = Self(rawValue: 8)
            /// It is finished, `since`, and kept `until`. `detail` is the error or the reason.
            public static let finished = Self(rawValue: 9)
            /// The connection of its worker broke; its session, `number`, is kept `until`.
            public static let workerAway = Self(rawValue: 10)
        }
    }
}

extension JobExplanation.Reason.Code: CustomStringConvertible {
    /// The name in the protocol's document, such as `QUEUE_PAUSED`.
    public var description: String { Explanation.Code(rawValue: rawValue).name }
}

extension JobExplanation {
    package init(_ explanation: Explanation) {
        id = JobStatus.ID(explanation.id)
        state = JobStatus.State(explanation.state)
        reasons = explanation.reasons.map { reason in
            Reason(
                code: Reason.Code(rawValue: reason.code.rawValue),
                since: .orNil(protocolTime: reason.since),
                until: .orNil(protocolTime: reason.until),
                number: reason.number, detail: reason.detail, sentence: reason.sentence)
        }
    }
}
