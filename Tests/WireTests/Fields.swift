import MartletWire
import NIOCore

/// A message's fields under the names that `messages.json` gives them: what the golden frames are compared with.
protocol WithFields {
    var fields: JSON { get }
}

extension EmptyMessage {
    var fields: JSON { [:] }
}

extension Bye: WithFields {}
extension Close: WithFields {}
extension Done: WithFields {}
extension Drain: WithFields {}

extension Ping: WithFields {
    var fields: JSON { ["bytes": .bytes(bytes)] }
}

extension Pong: WithFields {
    var fields: JSON { ["bytes": .bytes(bytes)] }
}

extension Draining: WithFields {
    var fields: JSON { ["milliseconds": .narrow(milliseconds)] }
}

extension Hello: WithFields {
    var fields: JSON {
        [
            "client": .string(client), "token": .string(token), "session": .wide(session),
            "secret": .wide(secret), "codecs": .narrow(codecs.rawValue),
            "flags": .number(isLink ? 1 : 0),
            "options": .present([
                "host": host.map { .string($0) }, "pid": processID.map { .narrow($0) },
            ]),
        ]
    }
}

extension Welcome: WithFields {
    var fields: JSON {
        [
            "version": .narrow(version), "session": .wide(session), "secret": .wide(secret),
            "resumed": .number(isResumed ? 1 : 0), "server_time": .wide(serverTime),
            "frame_bytes_max": .narrow(limits.frameBytesMax),
            "message_bytes_max": .narrow(limits.messageBytesMax),
            "payload_bytes_max": .narrow(limits.payloadBytesMax),
            "batch_max": .narrow(limits.batchMax),
            "requests_in_flight_max": .narrow(limits.requestsInFlightMax),
            "bytes_in_flight_max": .narrow(limits.bytesInFlightMax),
            "subscriptions_max": .narrow(limits.subscriptionsMax),
            "idle_milliseconds": .narrow(limits.idleMilliseconds),
            "lease_milliseconds": .narrow(limits.leaseMilliseconds),
            "grace_milliseconds": .narrow(limits.graceMilliseconds),
            "server": .string(server),
        ]
    }
}

extension Payload: WithFields {
    var fields: JSON {
        [
            "codec": .narrow(codec.rawValue), "raw_bytes": .narrow(rawBytes),
            "checksum": .narrow(checksum), "bytes": .bytes(bytes.readableBytesView),
        ]
    }
}

extension Submit: WithFields {
    var fields: JSON {
        [
            "queue": .string(queue), "type": .string(type), "producer": .wide(producer),
            "sequence": .wide(sequence), "floor": .wide(floor),
            "durability": .narrow(durability.rawValue),
            "flags": .number(isAtomic ? 1 : 0),
            "items": .array(
                items.map { ["payload": $0.payload.fields, "options": $0.options.json] }),
            "options": options.json,
        ]
    }
}

extension WireError: WithFields {
    var fields: JSON {
        [
            "flags": .number(isRetryable ? 1 : 0), "retry_after": .narrow(retryAfterMilliseconds),
            "limit": .wide(limit), "actual": .wide(actual), "message": .string(message),
        ]
    }
}

extension ErrorMessage: WithFields {
    var fields: JSON {
        [
            "code": .narrow(code.rawValue),
            "flags": .number((isRetryable ? 1 : 0) + (closes ? 2 : 0)),
            "retry_after": .narrow(retryAfterMilliseconds), "limit": .wide(limit),
            "actual": .wide(actual), "message": .string(message),
        ]
    }
}

extension Submitted: WithFields {
    var fields: JSON {
        [
            "durability": .narrow(durability.rawValue), "flags": .number(isRepeated ? 1 : 0),
            "count": .number(results.count),
            "runs": .array(
                runs.map { run in
                    switch run {
                    case .accepted(let first, let count):
                        [
                            "items": .narrow(count), "code": .number(0),
                            "result": ["first_id": .wide(first.rawValue)],
                        ]
                    case .refused(let error, let count): runFields(count, error)
                    }
                }),
        ]
    }
}

extension Settled: WithFields {
    var fields: JSON {
        [
            "count": .number(errors.count),
            "runs": .array(
                runs.map { run in
                    run.error.map { runFields(run.count, $0) }
                        ?? ["items": .narrow(run.count), "code": .number(0)]
                }),
        ]
    }
}

func runFields(_ count: UInt16, _ error: WireError) -> JSON {
    [
        "items": .narrow(count), "code": .narrow(error.code.rawValue),
        "result": ["error": error.fields],
    ]
}

extension Subscribe: WithFields {
    var fields: JSON {
        [
            "subscription": .narrow(subscription), "queue": .string(queue),
            "credit_jobs": .narrow(creditJobs), "credit_bytes": .narrow(creditBytes),
            "lease_milliseconds": .narrow(leaseMilliseconds),
        ]
    }
}

extension Unsubscribe: WithFields {
    var fields: JSON { ["subscription": .narrow(subscription)] }
}

extension Credit: WithFields {
    var fields: JSON {
        [
            "subscription": .narrow(subscription), "credit_jobs": .narrow(creditJobs),
            "credit_bytes": .narrow(creditBytes),
        ]
    }
}

extension Jobs: WithFields {
    var fields: JSON {
        [
            "subscription": .narrow(subscription), "token": .wide(token),
            "lease_milliseconds": .narrow(leaseMilliseconds),
            "types": .array(types.map { .string($0) }),
            "deliveries": .array(deliveries.map(\.json)),
        ]
    }
}

extension Delivery {
    var json: JSON {
        guard case .object(var result) = fields.json else { return [:] }
        result["payload"] = payload.fields
        if options != DeliveryOptions() { result["options"] = options.fields }
        return .object(result)
    }
}

extension DeliveryFields {
    var json: JSON {
        [
            "id": .wide(id.rawValue), "type": .narrow(type), "failures": .narrow(failures),
            "crashes": .narrow(crashes), "interruptions": .narrow(interruptions),
            "max_attempts": .narrow(maxAttempts), "created_at": .wide(createdAt),
        ]
    }
}

extension Holding: WithFields {
    var fields: JSON {
        ["flags": .number(isComplete ? 1 : 0), "runs": .array(runs.map(\.fields))]
    }
}

extension Holding.Run: WithFields {
    var fields: JSON {
        ["token": .wide(token), "first_id": .wide(first.rawValue), "jobs": .narrow(jobs)]
    }
}

extension Settle: WithFields {
    var fields: JSON {
        ["items": .array(items.map(\.fields))]
    }
}

extension Settlement: WithFields {
    var fields: JSON {
        [
            "outcome": .narrow(outcome.rawValue), "id": .wide(id.rawValue), "token": .wide(token),
            "detail": detail,
        ]
    }

    private var detail: JSON {
        switch verdict {
        case .complete(let result): .present(["result": result?.fields])
        case .fail(let failure): failure.fields
        case .release: [:]
        case .extend(let milliseconds): ["milliseconds": .narrow(milliseconds)]
        }
    }
}

extension ProgressMessage: WithFields {
    var fields: JSON {
        [
            "id": .wide(id.rawValue), "token": .wide(token), "done": .narrow(progress.done),
            "message": .string(progress.message),
        ]
    }
}

extension Get: WithFields {
    var fields: JSON { ["id": .wide(id.rawValue), "flags": .narrow(parts.rawValue)] }
}

extension Wait: WithFields {
    var fields: JSON {
        [
            "id": .wide(id.rawValue), "milliseconds": .narrow(milliseconds),
            "flags": .narrow(parts.rawValue),
        ]
    }
}

extension JobInfo: WithFields {
    var fields: JSON {
        [
            "id": .wide(id.rawValue), "state": .narrow(state.rawValue),
            "attempts": .narrow(attempts),
            "failures": .narrow(failures), "crashes": .narrow(crashes),
            "interruptions": .narrow(interruptions), "max_attempts": .narrow(maxAttempts),
            "created_at": .wide(createdAt), "due_at": .wide(dueAt), "started_at": .wide(startedAt),
            "finished_at": .wide(finishedAt), "payload_bytes": .narrow(payloadBytes),
            "queue": .string(queue), "type": .string(type), "options": options,
        ]
    }
}

extension List: WithFields {
    var fields: JSON {
        [
            "queue": .string(queue), "states": .narrow(states.rawValue),
            "order": .narrow(order.rawValue), "limit": .narrow(limit), "cursor": .bytes(cursor),
            "options": options,
        ]
    }

    private var options: JSON {
        guard case .object(var options) = filter.fields else { return filter.fields }
        if isCount { options["count"] = [:] }
        if isFresh { options["fresh"] = [:] }
        return .object(options)
    }
}

extension JobPage: WithFields {
    var fields: JSON {
        [
            "as_of": .wide(asOf), "matched": .narrow(matched), "jobs": .array(jobs.map(\.fields)),
            "cursor": .bytes(cursor),
        ]
    }
}

extension Queues: WithFields {
    var fields: JSON { ["queue": .string(queue), "cursor": .bytes(cursor)] }
}

extension QueuePage: WithFields {
    var fields: JSON { ["queues": .array(queues.map(\.fields)), "cursor": .bytes(cursor)] }
}

extension QueueInfo: WithFields {
    var fields: JSON {
        [
            "name": .string(name), "ready": .wide(ready), "running": .wide(running),
            "scheduled": .wide(scheduled), "held": .wide(held), "dead": .wide(dead),
            "completed": .wide(completed), "retained": .wide(retained),
            "oldest_ready": .wide(oldestReadyAt), "subscribers": .narrow(subscribers),
            "options": options,
        ]
    }
}

extension JSON {
    /// An empty option that is there, or nothing.
    static func flag(_ isSet: Bool) -> JSON? { isSet ? [:] : nil }

    /// An object of those fields that are there.
    static func present(_ fields: [String: JSON?]) -> JSON {
        .object(fields.compactMapValues { $0 })
    }
}
