import Foundation
import MartletWire
import Testing

/// `messages.json`, `PROTOCOL.md` and the Swift code say the same.
struct CatalogueTests {
    let catalogue: Catalogue
    let document: String

    init() throws {
        catalogue = try .load()
        document = try String(
            contentsOf: Catalogue.directory.appending(path: "PROTOCOL.md"), encoding: .utf8)
    }

    @Test func `version and preface are the same`() {
        #expect(catalogue.version == Int(Preface.version))
        #expect(catalogue.preface == hex(Preface.bytes))
    }

    @Test func `opcodes are the same, both ways`() {
        let catalogued = Dictionary(
            uniqueKeysWithValues: catalogue.messages.map { ($0.name, $0.opcode) })
        let coded = Dictionary(uniqueKeysWithValues: Opcode.allCases.map { ($0.name, $0.rawValue) })
        #expect(catalogued == coded)
    }

    @Test func `requests are the client's, everything else is the server's`() {
        for message in catalogue.messages {
            let isClients = message.sender == "client"
            #expect(Opcode(rawValue: message.opcode)?.isRequest == isClients, "\(message.name)")
            #expect((message.kind == "request") == (message.reply != nil), "\(message.name)")
        }
    }

    @Test func `every reply is a message of the server`() throws {
        for reply in catalogue.messages.compactMap(\.reply) {
            #expect(try catalogue.message(reply).sender == "server")
        }
    }

    @Test func `error codes are the same, both ways`() {
        let coded = ErrorCode.all.map {
            Catalogue.ErrorEntry(
                code: $0.rawValue, name: $0.name, retryable: $0.isRetryable, closes: $0.closes)
        }
        #expect(catalogue.errors == coded)
    }

    @Test func `the document heads a section for every message with its opcode`() {
        let headings = document.split(separator: "\n").filter { $0.hasPrefix("### ") }
        for message in catalogue.messages {
            let entry = "\(message.name) `0x\(hex([message.opcode]))`"
            #expect(headings.contains { $0.contains(" \(entry)") }, "\(entry)")
        }
    }

    @Test func `the document has every error code, name and kind in its table`() {
        for error in catalogue.errors {
            let kind = error.closes ? "closes" : error.retryable ? "retryable" : ""
            let row = "| \(error.code) | `\(error.name)` | \(kind)".trimmingCharacters(
                in: .whitespaces)
            #expect(document.contains(row), "\(row)")
        }
    }

    @Test func `the document names every option with its tag`() {
        for option in allFields.compactMap(\.options).joined() {
            let tag = option.tag.map { String($0) } ?? "-"
            let name = option.name ?? "-"
            let isNamed = ["| \(tag) | \(name) |", "\(tag) `\(name)`"].contains {
                document.contains($0)
            }
            #expect(isNamed, "\(tag) \(name)")
        }
    }

    @Test func `limits are the same`() throws {
        try expect("SUBMIT", "items", max: Limits.batchMax)
        try expect("SETTLE", "items", max: Limits.batchMax)
        try expect("HOLDING", "runs", max: Limits.batchMax)
        try expect("SUBSCRIBE", "credit_jobs", max: Limits.creditJobsMax)
        try expect("SUBSCRIBE", "lease_milliseconds", max: Int(Limits.leaseMillisecondsMax))
        try expect("PROGRESS", "done", max: Int(Limits.progressDoneMax))
        try expect("WAIT", "milliseconds", max: Int(Limits.waitMillisecondsMax))
        try expect("LIST", "limit", max: Int(Limits.listLimitMax))
        #expect(try field("SUBMIT", "queue").maxBytes == Limits.queueNameBytesMax)
        #expect(try field("SUBMIT", "type").maxBytes == Limits.typeBytesMax)
        #expect(try field("PROGRESS", "message").maxBytes == Limits.progressMessageBytesMax)
        #expect(try field("ERROR", "message").maxBytes == Limits.errorMessageBytesMax)
        #expect(try field("PING", "bytes").maxBytes == Limits.pingBytesMax)
    }

    @Test func `the limits of WELCOME are the defaults`() throws {
        let limits = ServerLimits()
        let defaults: [(String, UInt32)] = [
            ("frame_bytes_max", limits.frameBytesMax),
            ("message_bytes_max", limits.messageBytesMax),
            ("payload_bytes_max", limits.payloadBytesMax), ("batch_max", limits.batchMax),
            ("requests_in_flight_max", limits.requestsInFlightMax),
            ("bytes_in_flight_max", limits.bytesInFlightMax),
            ("subscriptions_max", limits.subscriptionsMax),
            ("idle_milliseconds", limits.idleMilliseconds),
            ("lease_milliseconds", limits.leaseMilliseconds),
            ("grace_milliseconds", limits.graceMilliseconds),
        ]
        for (name, value) in defaults {
            #expect(try field("WELCOME", name).default == UInt64(value), "\(name)")
        }
    }

    @Test func `options of a job have the same ranges and defaults`() throws {
        let options = try #require(catalogue.fields(.named("submit_options")).first?.options)
        let expected: [String: (UInt64, UInt64)] = [
            "max_attempts": (UInt64(Limits.maxAttemptsMax), UInt64(Limits.maxAttemptsDefault)),
            "retain_completed": (
                Limits.retainMillisecondsMax, Limits.retainCompletedMillisecondsDefault
            ),
            "retain_dead": (Limits.retainMillisecondsMax, Limits.retainDeadMillisecondsDefault),
        ]
        for (name, (max, byDefault)) in expected {
            let option = try #require(options.first { $0.name == name })
            #expect(option.max == max)
            #expect(option.default == byDefault)
        }
        let backoff = try catalogue.fields(.named("backoff"))
        #expect(backoff.map(\.max).allSatisfy { $0 == UInt64(Limits.backoffMillisecondsMax) })
        #expect(
            backoff.map(\.default) == [
                UInt64(Limits.backoffBaseMillisecondsDefault),
                UInt64(Limits.backoffCapMillisecondsDefault),
            ])
    }

    @Test func `states and outcomes are the same`() throws {
        let states = try #require(
            catalogue.fields(.named("job")).first { $0.name == "state" }?.values)
        #expect(
            states
                == Dictionary(
                    uniqueKeysWithValues: JobState.allCases.map { ("\($0)", Int($0.rawValue)) })
        )
        let outcomes = try #require(
            catalogue.fields(.named("settlement")).first { $0.name == "outcome" }?.values)
        #expect(
            outcomes
                == Dictionary(
                    uniqueKeysWithValues: Outcome.allCases.map { ("\($0)", Int($0.rawValue)) })
        )
    }

    private func field(_ message: String, _ name: String) throws -> Catalogue.Field {
        try #require(
            catalogue.fields(catalogue.message(message).fields).first { $0.name == name })
    }

    private func expect(_ message: String, _ name: String, max: Int) throws {
        #expect(try field(message, name).max == UInt64(max), "\(message) \(name)")
    }

    private var allFields: [Catalogue.Field] {
        let shapes = catalogue.messages.map(\.fields) + catalogue.types.values
        return shapes.flatMap { shape -> [Catalogue.Field] in
            switch shape {
            case .record(let fields): fields
            case .value(let field): [field]
            case .named: []
            }
        }
    }
}
