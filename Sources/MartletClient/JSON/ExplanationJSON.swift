/// Why a job is where it is, as the command line and HTTP show it.
package struct ExplanationJSON: Sendable {
    private let explanation: JobExplanation

    package init(_ explanation: JobExplanation) {
        self.explanation = explanation
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("id", explanation.id.description)
        object.set("state", explanation.state.rawValue)
        object.set("reasons", explanation.reasons.map { member($0) })
        return object
    }

    private func member(_ reason: JobExplanation.Reason) -> JSONObject {
        var object = JSONObject()
        object.set("reason", reason.code.description.lowercased())
        object.set("since", reason.since)
        object.set("until", reason.until)
        let session = reason.session
        object.set("number", session == nil ? reason.number : 0)
        object.set("session", hexadecimal: session)
        object.set("detail", reason.detail)
        object.set("sentence", reason.sentence)
        return object
    }
}

extension JobExplanation.Reason {
    /// The worker's, for the reasons whose number it is.
    fileprivate var session: UInt64? {
        code == .running || code == .workerAway ? number : nil
    }
}
