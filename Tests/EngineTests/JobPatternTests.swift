import Store
import TestSupport
import Testing

@testable import Engine

/// Rows known by another: what is delivered of jobs that are alike, and of those that are nearly so.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct JobPatternTests {
    /// In what one job of many differs from the others.
    enum Difference: CaseIterable {
        case type, typeOfEqualLength, attempts, headers, tags, instant, codec, payload, empty
    }

    @Test(arguments: Difference.allCases, [40, 4_090])
    func `a job is delivered as it is, whatever those before it are`(
        _ difference: Difference, _ length: Int
    ) throws {
        let harness = try EngineHarness()
        try harness.openSession(1)
        for number in 1...6 {
            let isOther = number == 3 || number == 4
            if isOther, difference == .instant { harness.now += 5 }
            try harness.turn { rows in
                let submission = submission(harness, isOther ? difference : nil, number, length)
                _ = try harness.engine.submit(submission, to: harness.index("mail"), rows)
            }
        }
        let jobs = try harness.deliver().jobs
        for (number, job) in zip(1..., jobs) {
            let isOther = number == 3 || number == 4
            let expected = submission(harness, isOther ? difference : nil, number, length)
            #expect(job.id == UInt64(number))
            #expect(job.type == String(decoding: expected.type, as: UTF8.self))
            #expect(job.payload == Array(expected.payload.bytes))
            #expect(job.codec == expected.payload.codec)
            #expect(job.headers == Array(expected.headers))
            #expect(job.tags == Array(expected.tags))
            #expect(
                job.maxAttempts == expected.options.maxAttempts ?? JobOptions.defaultMaxAttempts)
            let isLater = difference == .instant && number >= 3
            #expect(
                job.createdAt - EngineHarness.beginning == (isLater ? number == 3 ? 5 : 10 : 0))
        }
    }

    private func submission(
        _ harness: EngineHarness, _ difference: Difference?, _ number: Int, _ length: Int
    ) -> Submission {
        var bytes = pattern(
            difference == .empty ? 0 : length + number % 3, seed: UInt64(number))
        if difference == .payload { bytes = pattern(1_500) }
        var payload = harness.stored(bytes)
        if difference == .codec { payload.codec = 0 }
        let type =
            difference == .type
            ? "postcard" : difference == .typeOfEqualLength ? "lettre" : "letter"
        var options = JobOptions(retainCompleted: 0)
        if difference == .attempts { options.maxAttempts = 3 }
        var submission = Submission(
            type: harness.arena.copy(type), payload: payload, options: options)
        if difference == .headers {
            submission.headers = harness.arena.copy(wireTexts(["a", "b"]))
        }
        if difference == .tags { submission.tags = harness.arena.copy(wireTexts(["red"])) }
        return submission
    }
}
