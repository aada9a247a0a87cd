import MartletClient
import MartletTesting
import MartletWorker
import Synchronization
import TestSupport
import Testing

/// A mail as a web shop would send it: 258 bytes of JSON, much of it the same in all.
private struct Mail: Job {
    static let type = "mail.send"
    static let options = JobOptions(retainCompleted: .seconds(3_600))
    typealias Output = Int
    var user_id: Int
    var template = "order_confirmation"
    var locale = "en_GB"
    var recipient: String
    var order: String
    var total_cents: Int
    var currency = "EUR"
    var trace: String
    var note = "Thank you for your order. It will be sent within two working days."

    init(_ number: Int) {
        var state = UInt64(number) &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        state ^= state >> 29
        user_id = 100_000 + number
        recipient = "customer\(number)@example.com"
        order = String(state % 1_000_000_000)
        total_cents = Int(state >> 40) % 100_000
        trace = String(state, radix: 16)
    }
}

/// The same type after somebody has changed it: all that mails had in common is gone.
private struct NewMail: Job {
    static let type = Mail.type
    var n: Int
    var kind = "newsletter-2"
    var zone = "Europe/Madrid"
    var receiver: String
    var footer = "You get this letter because you asked us for it; a click is enough to end that."

    init(_ number: Int) {
        n = number
        receiver = "reader-\(number)@example.org"
    }
}

/// Clients make dictionaries by themselves, and workers get them.
@Suite(.fewAtATime, .timeLimit(.minutes(2))) struct AutomaticDictionaryTests {
    @Test func `similar jobs become three times smaller by themselves, and arrive as they were`()
        async throws
    {
        let handler = Handler(Mail.self) { mail, _ in mail.user_id }
        try await withMartlet(handlers: [handler], queues: ["default": 4]) { martlet, _ in
            var pushed = 0
            func push(_ count: Int) async throws -> [JobHandle<Int>] {
                defer { pushed += count }
                return try await martlet.push(contentsOf: (pushed..<pushed + count).map(Mail.init))
            }
            _ = try await push(2_000)
            while try await martlet.dictionaries(of: Mail.type).isEmpty { _ = try await push(1) }
            // The client that made it uses it as soon as the server's answer has come.
            var before = try await martlet.queue("default").payloads
            while true {
                _ = try await push(1)
                let now = try await martlet.queue("default").payloads
                if 2 * (now.carried - before.carried) < now.raw - before.raw { break }
                before = now
            }
            before = try await martlet.queue("default").payloads
            let first = pushed
            let jobs = try await push(2_000)
            let after = try await martlet.queue("default").payloads
            let (raw, carried) = (after.raw - before.raw, after.carried - before.carried)
            #expect(raw >= 3 * carried, "\(raw) bytes as \(carried)")
            for (number, job) in jobs.enumerated() {
                #expect(try await job.value == 100_000 + first + number)
            }
        }
    }

    @Test func `when the payloads of a type change it gets another one, and jobs keep theirs`()
        async throws
    {
        try await withMartlet { martlet, _ in
            func active() async throws -> PayloadDictionary? {
                try await martlet.dictionaries(of: Mail.type).first { $0.state == .active }
            }
            // Nobody works there: all of them stay, with what they need.
            let queue = "later"
            var number = 0
            while try await active()?.references ?? 0 == 0 {
                _ = try await martlet.push(
                    contentsOf: (number..<number + 500).map(Mail.init), queue: queue)
                number += 500
            }
            while try await active()?.version != 2 {
                _ = try await martlet.push(
                    contentsOf: (number..<number + 500).map(NewMail.init), queue: queue)
                number += 500
            }
            while try await active()?.references == 0 {
                _ = try await martlet.push(NewMail(number), queue: queue)
                number += 1
            }
            let before = try await martlet.queue(queue).payloads
            _ = try await martlet.push(
                contentsOf: (number..<number + 500).map(NewMail.init), queue: queue)
            let after = try await martlet.queue(queue).payloads
            let (raw, carried) = (after.raw - before.raw, after.carried - before.carried)
            #expect(raw >= 3 * carried, "\(raw) bytes as \(carried)")
            let old = try await martlet.dictionaries(of: Mail.type).first { $0.version == 1 }
            #expect(old?.state == .retired)
            #expect((old?.references ?? 0) > 0)
        }
    }
}
