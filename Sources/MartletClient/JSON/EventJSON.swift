/// Something that happened to a job, as the command line and HTTP show it.
package struct EventJSON: Sendable {
    private let event: JobEvents.Event

    package init(_ event: JobEvents.Event) {
        self.event = event
    }

    /// The offset is a text: it is above 2⁵³, and numbers there are rounded by many who read JSON.
    package var object: JSONObject {
        var object = JSONObject()
        object.set("offset", "\(event.offset)")
        object.set("at", event.at)
        object.set("id", event.id.description)
        object.set("queue", event.queue)
        object.set("type", event.type)
        object.set("kind", event.kind.rawValue)
        object.set("state", event.state?.rawValue)
        object.set("attempt", event.attempt)
        object.set("error", event.error)
        object.set("progress", event.progress.map { $0.object })
        object.set("session", hexadecimal: event.session)
        object.set("worker", event.worker)
        object.set("missed", event.missed)
        return object
    }
}
