package import NIOCore

/// Asks why a job does not run.
package struct Explain: Message {
    package static let opcode = Opcode.explain

    package var id: JobID

    package init(id: JobID) { self.id = id }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
    }

    package func write(to buffer: inout ByteBuffer) { buffer.writeLittle(id.rawValue) }
}

/// Why a job is where it is.
package struct Explanation: Message {
    package static let opcode = Opcode.explanation

    package var id: JobID
    package var state: JobState
    package var reasons: [Reason]

    package init(id: JobID, state: JobState, reasons: [Reason]) {
        self.id = id
        self.state = state
        self.reasons = reasons
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        state = try reader.named("state")
        reasons = []
        for _ in 0..<(try reader.u16()) { reasons.append(try Reason(from: &reader)) }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            id.rawValue, state.rawValue, UInt16(reasons.count), endianness: .little)
        for reason in reasons { reason.write(to: &buffer) }
    }
}

extension Explanation {
    /// What each field means with each code is in the protocol's document; 0 and empty: nothing.
    package struct Reason: Equatable, Sendable {
        package var code: Code
        /// Milliseconds since 1970.
        package var since: UInt64
        /// Milliseconds since 1970.
        package var until: UInt64
        package var number: UInt64
        package var detail: String
        /// For people.
        package var sentence: String

        package init(
            _ code: Code, since: UInt64 = 0, until: UInt64 = 0, number: UInt64 = 0,
            detail: String = "", sentence: String
        ) {
            self.code = code
            self.since = since
            self.until = until
            self.number = number
            self.detail = detail
            self.sentence = sentence
        }

        init(from reader: inout WireReader) throws(WireError) {
            code = Code(rawValue: try reader.u16())
            since = try reader.u64()
            until = try reader.u64()
            number = try reader.u64()
            detail = try reader.text16()
            sentence = try reader.text16()
        }

        func write(to buffer: inout ByteBuffer) {
            buffer.writeMultipleIntegers(
                code.rawValue, since, until, number, endianness: .little)
            buffer.writeText16(detail.truncated(toUTF8Bytes: Limits.reasonBytesMax))
            buffer.writeText16(sentence.truncated(toUTF8Bytes: Limits.reasonBytesMax))
        }
    }

    /// Extensible: a newer server's code is a value without a name here; its sentence still says what it is.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt16

        package init(rawValue: UInt16) { self.rawValue = rawValue }

        package static let delayed = Code(rawValue: 1)
        package static let retry = Code(rawValue: 2)
        package static let queuePaused = Code(rawValue: 3)
        package static let noSubscriber = Code(rawValue: 4)
        package static let noCredit = Code(rawValue: 5)
        package static let inLine = Code(rawValue: 6)
        package static let running = Code(rawValue: 7)
        package static let cancelling = Code(rawValue: 8)
        package static let finished = Code(rawValue: 9)
        package static let workerAway = Code(rawValue: 10)

        /// The name that the protocol's document uses, such as `NO_CREDIT`; the number where there is none.
        package var name: String { Code.names[self] ?? "REASON_\(rawValue)" }

        /// All codes of this version of the protocol.
        package static var all: [Code] { names.keys.sorted { $0.rawValue < $1.rawValue } }

        private static let names: [Code: String] = [
            .delayed: "DELAYED", .retry: "RETRY", .queuePaused: "QUEUE_PAUSED",
            .noSubscriber: "NO_SUBSCRIBER", .noCredit: "NO_CREDIT", .inLine: "IN_LINE",
            .running: "RUNNING", .cancelling: "CANCELLING", .finished: "FINISHED",
            .workerAway: "WORKER_AWAY",
        ]
    }
}
