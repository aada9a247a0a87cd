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
        object.set("priority", job.priority)
        object.set("tags", job.tags)
        object.set("headers", job.headers)
        object.set("unique", unique)
        object.set("timeout_ms", job.timeout)
        object.set("payload_bytes", job.payloadBytes)
        object.set("created_at", job.createdAt)
        object.set("due_at", job.dueAt)
        object.set("started_at", job.startedAt)
        object.set("finished_at", job.finishedAt)
        object.set("expires_at", job.expiresAt)
        object.set("vanishes_at", job.vanishesAt)
        setError(in: &object)
        object.set("progress", job.progress.map { $0.object })
        object.set("checkpoint_bytes", job.checkpointBytes)
        object.set("log_lines", logLines)
        object.set("cancellation", cancellation)
        object.set("retries", retries)
        object.set("session", hexadecimal: job.session)
        object.set("worker", job.worker)
        object.set("lease_ends_at", job.leaseEndsAt)
        return object
    }

    private func setError(in object: inout JSONObject) {
        object.set("error", job.error)
        object.set("error_class", job.errorClass)
        object.set("error_stack", job.errorStack)
        object.set("fingerprint", hexadecimal: job.fingerprint)
    }

    private var unique: JSONObject? {
        guard let unique = job.unique else { return nil }
        var object = JSONObject()
        object.set("key", unique.key)
        object.set("scope", unique.scope.rawValue)
        object.set("held", unique.isHeld)
        object.set("until", unique.until)
        return object
    }

    /// `{"first": 0, "next": 12}`: offsets of the first line that is kept, and of the one that would come next.
    private var logLines: JSONObject? {
        guard let lines = job.logLines else { return nil }
        var object = JSONObject()
        object.set("first", lines.first)
        object.set("next", lines.next)
        return object
    }

    private var cancellation: JSONObject? {
        guard let cancellation = job.cancellation else { return nil }
        var object = JSONObject()
        object.set("requested_at", cancellation.requestedAt)
        object.set("grace_ends_at", cancellation.graceEndsAt)
        object.set("reason", cancellation.reason)
        return object
    }

    private var retries: JSONObject? {
        guard let retries = job.retries else { return nil }
        var object = JSONObject()
        object.set("count", retries.count)
        object.set("last_at", retries.lastAt)
        object.set("state_before", retries.stateBefore.rawValue)
        return object
    }
}

extension JobStatus.Progress {
    /// `{"done": 0 … 1, "message": "…"}`
    var object: JSONObject {
        var object = JSONObject()
        object.set("done", fraction)
        object.set("message", message)
        return object
    }
}
