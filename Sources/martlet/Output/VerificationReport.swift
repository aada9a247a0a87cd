import MartletClient

/// What a check of a store found.
struct VerificationReport: Sendable {
    var rows = 0
    var jobs = 0
    /// A sentence each.
    var problems: [String] = []
    /// What was done about those that there were before, a sentence each.
    var repairs: [String] = []

    func write(json: Bool) {
        if json {
            var object = JSONObject()
            object.set("rows", rows)
            object.set("jobs", jobs)
            object.set("problems", problems)
            object.set("repairs", repairs)
            return StandardOutput.write(line: object.text)
        }
        for repair in repairs { StandardOutput.write(line: repair) }
        for problem in problems { StandardOutput.write(line: problem) }
        let found =
            switch problems.count {
            case 0: "no problem"
            case 1: "1 problem"
            case let count: "\(Quantity.grouped(count)) problems"
            }
        StandardOutput.write(
            line: "\(Quantity.jobs(jobs)) and \(Quantity.grouped(rows)) rows checked: \(found)")
    }
}
