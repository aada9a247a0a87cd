import MartletWire
import NIOCore
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct TurnTests {
    /// More arrives during each turn than the next one takes, while the turn before is being written.
    @Test func `what arrives faster than turns take it is all carried out`() async throws {
        try await BrokerHarness.run { broker in
            let payload = Payload.plain(.pattern(4_096, seed: 7))
            let submit = Submit(
                queue: "q", type: "t",
                items: Array(repeating: SubmitItem(payload: payload), count: 120))
            let accepted = try await withThrowingTaskGroup(of: Int.self) { tasks in
                for _ in 0..<4 {
                    let client = try await broker.connect()
                    for _ in 0..<15 {
                        tasks.addTask { try await client.submitAll(submit).count }
                    }
                }
                return try await tasks.reduce(0, +)
            }
            #expect(accepted == 4 * 15 * 120)
        }
    }
}
