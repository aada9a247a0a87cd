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
        try expect("ACT", "ids", max: Limits.batchMax)
        try expect("ACTION_GET", "milliseconds", max: Int(Limits.actionWaitMillisecondsMax))
        try expect("LOG", "lines", max: Limits.logLinesMax)
        try expect("LOGS", "limit", max: Int(Limits.logLimitMax))
        try expect("GROUPS", "limit", max: Int(Limits.groupLimitMax))
        try expect("DICTIONARIES", "limit", max: Int(Limits.dictionaryLimitMax))
        #expect(try field("DICTIONARY_PUT", "bytes").maxBytes == Limits.dictionaryBytesMax)
        #expect(try field("LOG", "lines").maxBytes == Limits.logBytesMax)
        #expect(try field("CHECKPOINT", "bytes").maxBytes == Limits.checkpointBytesMax)
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

    @Test func `options of a job have the same ranges`() throws {
        let delays = Limits.delayMillisecondsMax
        let expected: [(String, UInt64)] = [
            ("max_attempts", UInt64(Limits.maxAttemptsMax)),
            ("max_crashes", UInt64(Limits.maxAttemptsMax)),
            ("max_interruptions", UInt64(UInt16.max)),
            ("retain_completed", Limits.retainMillisecondsMax),
            ("retain_dead", Limits.retainMillisecondsMax),
            ("retain_cancelled", Limits.retainMillisecondsMax),
            ("retain_expired", Limits.retainMillisecondsMax),
            ("delay", delays), ("expires", delays),
            ("timeout", UInt64(Limits.timeoutMillisecondsMax)),
        ]
        for (name, max) in expected {
            #expect(try option("submit_options", name).max == max, "\(name)")
        }
        #expect(try member("unique", "period").max == delays)
        #expect(try member("unique", "key").maxBytes == Limits.uniqueKeyBytesMax)
        #expect(try type("tags").max == UInt64(Limits.tagsMax))
        #expect(try type("headers").max == UInt64(Limits.headersMax))
        #expect(try type("headers").maxBytes == Limits.headerBytesMax)
        #expect(try member("header", "name").maxBytes == Limits.headerNameBytesMax)
        #expect(try member("backoff", "factor").min == UInt64(Limits.backoffFactorMin))
        #expect(try member("backoff", "factor").max == UInt64(Limits.backoffFactorMax))
        for name in ["base", "cap"] {
            #expect(try member("backoff", name).max == UInt64(Limits.backoffMillisecondsMax))
        }
    }

    @Test func `options of a job have the same defaults`() throws {
        let expected: [(String, UInt64)] = [
            ("max_attempts", UInt64(Limits.maxAttemptsDefault)),
            ("retain_completed", Limits.retainCompletedMillisecondsDefault),
            ("retain_dead", Limits.retainDeadMillisecondsDefault),
            ("retain_cancelled", Limits.retainCancelledMillisecondsDefault),
            ("retain_expired", Limits.retainExpiredMillisecondsDefault),
            ("priority", UInt64(Limits.priorityDefault)),
        ]
        for (name, byDefault) in expected {
            #expect(try option("submit_options", name).default == byDefault, "\(name)")
        }
        let backoff = SubmitOptions.Backoff()
        #expect(
            try catalogue.fields(.named("backoff")).map(\.default) == [
                UInt64(backoff.kind.rawValue), UInt64(backoff.jitter.rawValue),
                UInt64(backoff.factor), UInt64(backoff.baseMilliseconds),
                UInt64(backoff.capMilliseconds),
            ])
    }

    @Test func `options of failures and actions have the same ranges`() throws {
        #expect(try option("fail_options", "class").maxBytes == Limits.errorClassBytesMax)
        #expect(try option("fail_options", "stack").maxBytes == Limits.errorStackBytesMax)
        #expect(try option("fail_options", "retry_after").max == Limits.delayMillisecondsMax)
        #expect(try option("act_options", "reason").maxBytes == Limits.actionReasonBytesMax)
        #expect(
            try option("act_options", "grace").max == UInt64(Limits.cancelGraceMillisecondsMax))
        #expect(
            try option("act_options", "grace").default
                == UInt64(Limits.cancelGraceMillisecondsDefault))
        #expect(try option("act_options", "rate").max == UInt64(Limits.actionRateMax))
        #expect(try option("filter", "unique").maxBytes == Limits.uniqueKeyBytesMax)
    }

    @Test func `a filter's options are those of LIST but count and fresh`() throws {
        let filter = try #require(type("filter").options)
        let list = try #require(field("LIST", "options").options).dropLast(2)
        #expect(list.map(\.name) == filter.map(\.name))
        #expect(list.map(\.tag) == filter.map(\.tag))
    }

    @Test func `named values are the same`() throws {
        try expect(member("job", "state"), JobState.allCases)
        try expect(member("settlement", "outcome"), Outcome.allCases)
        try expect(member("backoff", "kind"), SubmitOptions.Backoff.Kind.allCases)
        try expect(member("backoff", "jitter"), SubmitOptions.Backoff.Jitter.allCases)
        try expect(member("unique", "scope"), UniqueKey.Scope.allCases)
        try expect(member("unique", "policy"), UniqueKey.Policy.allCases)
        try expect(field("ACT", "action"), JobAction.allCases)
        try expect(field("ACT_ALL", "action"), JobAction.allCases)
        try expect(field("ACTION", "state"), ActionInfo.State.allCases)
        let kinds = JobEvent.Kind.all.map { ($0.name, Int($0.rawValue)) }
        #expect(try member("event", "kind").values == Dictionary(uniqueKeysWithValues: kinds))
        let reasons = Explanation.Code.all.map { ($0.name, Int($0.rawValue)) }
        #expect(try member("reason", "code").values == Dictionary(uniqueKeysWithValues: reasons))
    }

    @Test func `the document has every reason of an explanation in its table`() {
        for code in Explanation.Code.all {
            #expect(document.contains("| \(code.rawValue) | `\(code.name)` |"), "\(code.name)")
        }
    }

    private func expect<T: RawRepresentable<UInt8>>(
        _ field: Catalogue.Field, _ cases: [T]
    ) throws {
        let coded = cases.map { ("\($0)", Int($0.rawValue)) }
        #expect(field.values == Dictionary(uniqueKeysWithValues: coded))
    }

    /// The one field of a type that has no record.
    private func type(_ name: String) throws -> Catalogue.Field {
        try #require(catalogue.fields(.named(name)).first)
    }

    private func option(_ type: String, _ name: String) throws -> Catalogue.Field {
        try #require(self.type(type).options?.first { $0.name == name })
    }

    private func member(_ type: String, _ name: String) throws -> Catalogue.Field {
        try #require(catalogue.fields(.named(type)).first { $0.name == name })
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
