/// How far a bulk action is, as the command line and HTTP show it.
package struct BulkActionJSON: Sendable {
    private let id: UInt64
    private let status: BulkAction.Status

    package init(id: UInt64, _ status: BulkAction.Status) {
        self.id = id
        self.status = status
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("action", id)
        object.set("state", status.state.rawValue)
        object.set("seen", status.seen)
        object.set("changed", status.changed)
        object.set("refused", status.refused)
        object.set("started_at", status.startedAt)
        object.set("finished_at", status.finishedAt)
        return object
    }
}
