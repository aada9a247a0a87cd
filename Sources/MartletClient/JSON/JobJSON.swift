/// A job as the command line and HTTP show it. The names are part of the interface: they may be
/// added to, never changed.
package struct JobJSON: Sendable {
    private let job: JobStatus

    package init(_ job: JobStatus) {
        self.job = job
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("id", job.id.description)
        object.set("queue", job.queue)
        object.set("type", job.type)
        object.set("state", job.state.rawValue)
        object.set("attempts", job.attempts)
        object.set("max_attempts", job.maxAttempts)
        object.set("failures", job.failures)
        object.set("crashes", job.crashes)
        object.set("interruptions", job.interruptions)
        object.set("payload_bytes", job.payloadBytes)
        object.set("created_at", job.createdAt)
        object.set("due_at", job.dueAt)
        object.set("started_at", job.startedAt)
        object.set("finished_at", job.finishedAt)
        object.set("error", job.error)
        object.set("progress", progress)
        return object
    }

    /// `{"done": 0 … 1, "message": "…"}`, or nothing when the handler has reported none.
    private var progress: JSONObject? {
        guard let progress = job.progress else { return nil }
        var object = JSONObject()
        object.set("done", progress.fraction)
        object.set("message", progress.message)
        return object
    }
}
