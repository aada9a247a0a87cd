import Foundation

/// What the demo has to say, as it goes.
struct DemoReport {
    var rawBytes = 0
    var carriedBytes = 0
    /// How many jobs were done when the worker was killed.
    var killedAt = 0
    /// Jobs that were delivered more than once.
    var retried = 0

    private let files: DemoFiles
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var stageStart: ContinuousClock.Instant
    private var bar: ProgressBar
    private var equal = 0

    init(files: DemoFiles) {
        self.files = files
        start = clock.now
        stageStart = start
        bar = ProgressBar("  submitting", of: files.paths.count)
    }

    private var count: Int { files.paths.count }

    func begin() {
        StandardOutput.write(
            line:
                "Martlet demo: \(Quantity.grouped(count)) files from \(files.places),"
                + " sha256sum in 2 worker processes"
        )
    }

    mutating func show(submitted: Int) { bar.show(submitted) }

    mutating func show(completed: Int) { bar.show(completed) }

    mutating func submitted() {
        line(
            "submitted", "\(Quantity.grouped(count)) jobs",
            "\(Quantity.bytes(rawBytes)) → \(Quantity.bytes(carriedBytes)) compressed", pace: true)
        bar = ProgressBar("  working   ", of: count)
    }

    mutating func completed() {
        let jobs = retried == 1 ? "job" : "jobs"
        line(
            "completed", Quantity.grouped(count),
            "worker 2 killed at \(Quantity.grouped(killedAt)): \(retried) \(jobs) retried by worker 1",
            pace: true)
    }

    mutating func compared(_ equal: Int) {
        self.equal = equal
        line(
            "compared", Quantity.grouped(count),
            "\(Quantity.grouped(equal)) equal to a local sha256sum   lost \(Quantity.grouped(count - equal))",
            pace: false)
    }

    /// - Returns: whether every result was right.
    func end() -> Bool {
        let isComplete = equal == count
        let verdict = isComplete ? "nothing lost" : "results are missing or wrong"
        StandardOutput.write(
            line: "  total       \(Quantity.seconds(clock.now - start))   "
                + Terminal.output.styled(verdict, isComplete ? .green : .red))
        return isComplete
    }

    private mutating func line(_ stage: String, _ amount: String, _ what: String, pace: Bool) {
        bar.clear()
        let took = clock.now - stageStart
        stageStart = clock.now
        var text = "  " + padded(stage, 12) + padded(amount, 13) + padded(what, 56)
        text += Quantity.seconds(took)
        if pace, took > .zero {
            text += "   \(Quantity.grouped(Int(Double(count) / (took / .seconds(1))))) jobs/s"
        }
        StandardOutput.write(line: text)
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
