import MartletWire
import NIOCore

// The options of jobs, deliveries, failures, filters and queues.

extension SubmitOptions {
    var json: JSON {
        let said = fields
        return .present([
            "max_attempts": said.maxAttempts.map { .narrow($0) },
            "backoff": said.backoff?.fields,
            "retain_completed": said.retainCompletedMilliseconds.map { .wide($0) },
            "retain_dead": said.retainDeadMilliseconds.map { .wide($0) },
            "retain_cancelled": said.retainCancelledMilliseconds.map { .wide($0) },
            "retain_expired": said.retainExpiredMilliseconds.map { .wide($0) },
            "max_crashes": said.maxCrashes.map { .narrow($0) },
            "max_interruptions": said.maxInterruptions.map { .narrow($0) },
            "priority": said.priority.map { .narrow($0) },
            "delay": said.due?.delay.map { .wide($0) },
            "run_at": said.due?.instant.map { .wide($0) },
            "expires": said.expiresMilliseconds.map { .wide($0) },
            "timeout": said.timeoutMilliseconds.map { .narrow($0) },
            "unique": said.unique?.fields, "tags": said.tags?.json, "headers": said.headers?.json,
        ])
    }
}

extension SubmitOptions.Due {
    fileprivate var delay: UInt64? {
        switch self {
        case .delay(let delay), .both(let delay, _): delay
        case .at: nil
        }
    }

    fileprivate var instant: UInt64? {
        switch self {
        case .at(let instant), .both(_, let instant): instant
        case .delay: nil
        }
    }
}

extension SubmitOptions.Backoff: WithFields {
    var fields: JSON {
        [
            "kind": .narrow(kind.rawValue), "jitter": .narrow(jitter.rawValue),
            "factor": .narrow(factor), "base": .narrow(baseMilliseconds),
            "cap": .narrow(capMilliseconds),
        ]
    }
}

extension UniqueKey: WithFields {
    var fields: JSON {
        [
            "scope": .narrow(scope.rawValue), "policy": .narrow(policy.rawValue),
            "flags": .number(requiresSamePayload ? 1 : 0), "period": .wide(periodMilliseconds),
            "key": .string(key),
        ]
    }
}

extension JobTags {
    var json: JSON { .array(list.map { .string($0) }) }
}

extension JobHeaders {
    var json: JSON {
        .array(list.map { ["name": .string($0.name), "value": .string($0.value)] })
    }
}

extension DeliveryOptions: WithFields {
    var fields: JSON {
        .present([
            "headers": headers?.json, "checkpoint": checkpoint.map { .bytes($0.readableBytesView) },
            "timeout": timeoutMilliseconds.map { .narrow($0) }, "tags": tags?.json,
            "priority": priority == Limits.priorityDefault ? nil : .narrow(priority),
        ])
    }
}

extension JobFailure: WithFields {
    var fields: JSON {
        let options: JSON = .present([
            "class": errorClass.map { .string($0) }, "stack": stack.map { .string($0) },
            "retry_after": retryAfterMilliseconds.map { .wide($0) }, "discard": .flag(discards),
            "fingerprint": fingerprint.map { .wide($0) },
        ])
        return .present(["message": .string(message), "options": options == [:] ? nil : options])
    }
}

extension JobFilter: WithFields {
    var fields: JSON {
        .present([
            "type": type.map { .string($0) }, "tag": tag.map { .string($0) },
            "unique": unique.map { .string($0) },
            "ids": ids.map { ["first": .wide($0.lowerBound), "last": .wide($0.upperBound)] },
            "fingerprint": fingerprint.map { .wide($0) }, "session": session.map { .wide($0) },
            "since": since.map { .wide($0) }, "until": until.map { .wide($0) },
            "worker": worker.map { .string($0) },
        ])
    }
}

extension ActOptions: WithFields {
    var fields: JSON {
        .present([
            "reason": reason.map { .string($0) }, "grace": graceMilliseconds.map { .narrow($0) },
            "keep_counters": .flag(keepsCounters), "priority": priority.map { .narrow($0) },
            "run_at": runAt.map { .wide($0) }, "rate": rate.map { .narrow($0) },
        ])
    }
}

extension JobProgress {
    var json: JSON { ["done": .narrow(done), "message": .string(message)] }
}

extension JobInfo {
    var options: JSON {
        .present([
            "error": error.map { .string($0) }, "progress": progress?.json,
            "payload": payload?.fields, "result": result?.fields,
            "lease_ends": leaseEndsAt.map { .wide($0) }, "session": session.map { .wide($0) },
            "priority": priority == Limits.priorityDefault ? nil : .narrow(priority),
            "tags": tags?.json, "headers": headers?.json, "unique": unique?.json,
            "timeout": timeoutMilliseconds.map { .narrow($0) },
            "expires_at": expiresAt.map { .wide($0) },
            "error_class": errorClass.map { .string($0) },
            "error_stack": errorStack.map { .string($0) },
            "fingerprint": fingerprint.map { .wide($0) }, "cancel": cancel?.json,
            "checkpoint_bytes": checkpointBytes.map { .narrow($0) }, "retried": retried?.json,
            "log_lines": logLines.map {
                ["first": .wide($0.lowerBound), "next": .wide($0.upperBound)]
            },
            "worker": worker.map { .string($0) }, "vanishes_at": vanishesAt.map { .wide($0) },
        ])
    }
}

extension JobInfo.HeldKey {
    fileprivate var json: JSON {
        [
            "scope": .narrow(scope.rawValue), "held": .number(isHeld ? 1 : 0),
            "until": .wide(until), "key": .string(key),
        ]
    }
}

extension JobInfo.CancelInfo {
    fileprivate var json: JSON {
        [
            "requested": .wide(requestedAt), "grace_ends": .wide(graceEndsAt),
            "reason": .string(reason),
        ]
    }
}

extension JobInfo.RetryInfo {
    fileprivate var json: JSON {
        [
            "times": .narrow(count), "last": .wide(lastAt), "state": .narrow(stateBefore.rawValue),
        ]
    }
}

extension QueueInfo {
    var options: JSON {
        .present([
            "kept": cancelled == 0 && expired == 0
                ? nil : ["cancelled": .wide(cancelled), "expired": .wide(expired)],
            "totals": totals == Totals() ? nil : totals.json,
            "rates": rates == Rates() ? nil : rates.json,
            "waiting_bytes": waitingBytes == 0 ? nil : .wide(waitingBytes),
            "paused": paused.map {
                ["since": .wide($0.since), "by": .string($0.by), "reason": .string($0.reason)]
            },
            "draining": drainingSince.map { .wide($0) },
            "settings": settings.isEmpty ? nil : .present(settings.present),
            "payloads": payloads == PayloadBytes()
                ? nil : ["raw": .wide(payloads.raw), "carried": .wide(payloads.carried)],
        ])
    }
}

extension QueueInfo.Totals {
    fileprivate var json: JSON {
        [
            "submitted": .wide(submitted), "died": .wide(died), "cancelled": .wide(cancelled),
            "expired": .wide(expired),
        ]
    }
}

extension QueueInfo.Rates {
    fileprivate var json: JSON {
        [
            "submitted": .narrow(submitted), "completed": .narrow(completed),
            "failed": .narrow(failed),
        ]
    }
}

extension QueueSettings {
    var present: [String: JSON?] {
        [
            "depth_max": depthMax.map { .wide($0) }, "bytes_max": bytesMax.map { .wide($0) },
            "order": order.map { .narrow($0.rawValue) }, "defaults": defaults?.json,
        ]
    }
}
