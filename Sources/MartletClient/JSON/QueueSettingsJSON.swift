/// What a queue was told; `null` where it was told nothing.
package struct QueueSettingsJSON: Sendable {
    private let options: QueueOptions

    package init(_ options: QueueOptions) {
        self.options = options
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("depth_max", options.depthMax)
        object.set("bytes_max", options.bytesMax)
        object.set("order", options.order?.rawValue)
        object.set("defaults", options.defaults.map { defaults($0) })
        return object
    }

    private func defaults(_ options: JobOptions) -> JSONObject {
        var object = JSONObject()
        object.set("priority", options.priority)
        object.set("expires_ms", options.expires)
        object.set("timeout_ms", options.timeout)
        object.set("max_attempts", options.maxAttempts)
        object.set("max_crashes", options.maxCrashes)
        object.set("max_interruptions", options.maxInterruptions)
        object.set("backoff", options.backoff.map { backoff($0) })
        object.set("retain_completed_ms", options.retainCompleted)
        object.set("retain_dead_ms", options.retainDead)
        object.set("retain_cancelled_ms", options.retainCancelled)
        object.set("retain_expired_ms", options.retainExpired)
        return object
    }

    private func backoff(_ backoff: JobOptions.RetryBackoff) -> JSONObject {
        var object = JSONObject()
        object.set("kind", backoff.kind.name)
        if backoff.kind != .immediate {
            object.set("base_ms", backoff.base)
            object.set("factor", backoff.factor)
            object.set("cap_ms", backoff.cap)
            object.set("jitter", backoff.jitter == .full ? "full" : "none")
        }
        return object
    }
}

extension JobOptions.RetryBackoff.Kind {
    fileprivate var name: String {
        switch self {
        case .immediate: "none"
        case .fixed: "fixed"
        case .exponential: "exponential"
        }
    }
}
