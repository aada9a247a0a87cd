/// A job that was just accepted, as the command line and HTTP show it: what is known without asking
/// again.
package struct SubmissionJSON: Sendable {
    private let id: JobStatus.ID
    private let queue: String
    private let type: String
    private let state: JobStatus.State?
    private let wasDuplicate: Bool
    private let durability: JobOptions.Durability

    /// - Parameters:
    ///   - state: `nil` when it is not known, since the job was there before.
    ///   - wasDuplicate: the unique key was held: this is the job that holds it.
    ///   - durability: the level reached.
    package init(
        id: JobStatus.ID, queue: String, type: String, state: JobStatus.State? = .ready,
        wasDuplicate: Bool = false, durability: JobOptions.Durability = .disk
    ) {
        self.id = id
        self.queue = queue
        self.type = type
        self.state = state
        self.wasDuplicate = wasDuplicate
        self.durability = durability
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("id", id.description)
        object.set("queue", queue)
        object.set("type", type)
        object.set("state", state?.rawValue)
        object.set("duplicate", wasDuplicate)
        object.set("durability", durability.name)
        return object
    }
}

extension JobOptions.Durability {
    /// `memory` or `disk`.
    package var name: String {
        switch self {
        case .memory: "memory"
        case .disk: "disk"
        }
    }
}
