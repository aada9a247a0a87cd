/// A job that was just accepted, as the command line and HTTP show it: what is known without asking again.
package struct SubmissionJSON: Sendable {
    private let id: JobStatus.ID
    private let queue: String
    private let type: String

    package init(id: JobStatus.ID, queue: String, type: String) {
        self.id = id
        self.queue = queue
        self.type = type
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("id", id.description)
        object.set("queue", queue)
        object.set("type", type)
        object.set("state", JobStatus.State.ready.rawValue)
        return object
    }
}
