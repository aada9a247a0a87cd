/// Dead jobs that died of the same error, as the command line and HTTP show them.
package struct DeadGroupJSON: Sendable {
    private let group: DeadGroup

    package init(_ group: DeadGroup) {
        self.group = group
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("queue", group.queue)
        object.set("fingerprint", hexadecimal: group.fingerprint)
        object.set("jobs", group.jobs)
        object.set("first_seen_at", group.firstSeenAt)
        object.set("last_seen_at", group.lastSeenAt)
        object.set("example", group.example.description)
        object.set("error_class", group.errorClass)
        object.set("message", group.message)
        return object
    }
}
