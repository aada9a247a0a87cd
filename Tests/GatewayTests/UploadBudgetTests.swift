import Testing

@testable import Gateway

struct UploadBudgetTests {
    @Test func `bodies share the budget and give it back`() throws {
        let budget = UploadBudget(bytesMax: 100)
        try budget.take(60)
        try budget.take(40)
        let problem = #expect(throws: Problem.self) { try budget.take(1) }
        #expect(problem?.code == "UNAVAILABLE")
        #expect(problem?.limit == 100)
        #expect(problem?.isRetryable == true)
        budget.release(60)
        try budget.take(60)
    }

    @Test func `a lone body is let in whatever its size`() throws {
        let budget = UploadBudget(bytesMax: 100)
        try budget.take(1_000)
        #expect(throws: Problem.self) { try budget.take(1) }
        budget.release(1_000)
        try budget.take(100)
    }
}
