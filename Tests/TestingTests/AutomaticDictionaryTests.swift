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
}
