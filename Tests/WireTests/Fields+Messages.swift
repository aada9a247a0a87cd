import MartletWire
import NIOCore

// Messages of acting on jobs and queues, and of looking at them.

extension Cancellations: WithFields {
    var fields: JSON {
        [
            "items": .array(
                items.map {
                    [
                        "id": .wide($0.id.rawValue), "token": .wide($0.token),
                        "grace": .narrow($0.graceMilliseconds), "reason": .string($0.reason),
                    ]
                })
        ]
    }
}

extension Log: WithFields {
    var fields: JSON {
        [
            "id": .wide(id.rawValue), "token": .wide(token),
            "lines": .array(lines.map { .string($0) }),
        ]
    }
}

extension CheckpointMessage: WithFields {
    var fields: JSON {
        [
            "id": .wide(id.rawValue), "token": .wide(token),
            "bytes": .bytes(bytes.readableBytesView),
        ]
    }
}

extension Explain: WithFields {
    var fields: JSON { ["id": .wide(id.rawValue)] }
}

extension Explanation: WithFields {
    var fields: JSON {
        [
            "id": .wide(id.rawValue), "state": .narrow(state.rawValue),
            "reasons": .array(
                reasons.map {
                    [
                        "code": .narrow($0.code.rawValue), "since": .wide($0.since),
                        "until": .wide($0.until), "number": .wide($0.number),
                        "detail": .string($0.detail), "sentence": .string($0.sentence),
                    ]
                }),
        ]
    }
}

extension Logs: WithFields {
    var fields: JSON {
        ["id": .wide(id.rawValue), "from": .wide(from), "limit": .narrow(limit)]
    }
}

extension LogPage: WithFields {
    var fields: JSON {
        [
            "first": .wide(first), "next": .wide(next),
            "lines": .array(
                lines.map {
                    [
                        "offset": .wide($0.offset), "at": .wide($0.at),
                        "attempt": .narrow($0.attempt), "line": .string($0.text),
                    ]
                }),
        ]
    }
}

extension Groups: WithFields {
    var fields: JSON {
        ["queue": .string(queue), "limit": .narrow(limit), "cursor": .bytes(cursor)]
    }
}

extension GroupPage: WithFields {
    var fields: JSON {
        ["as_of": .wide(asOf), "groups": .array(groups.map(\.json)), "cursor": .bytes(cursor)]
    }
}

extension ErrorGroup {
    fileprivate var json: JSON {
        [
            "queue": .string(queue), "fingerprint": .wide(fingerprint), "jobs": .wide(jobs),
            "first_seen": .wide(firstSeen), "last_seen": .wide(lastSeen),
            "example": .wide(example.rawValue), "class": .string(errorClass),
            "message": .string(message),
        ]
    }
}

extension Watch: WithFields {
    var fields: JSON {
        [
            "watch": .narrow(watch), "after": .wide(after), "job": .wide(job?.rawValue ?? 0),
            "queue": .string(queue), "states": .narrow(states.rawValue),
            "flags": .number(wantsProgress ? 1 : 0),
            "options": .present([
                "type": type.map { .string($0) }, "tag": tag.map { .string($0) },
            ]),
        ]
    }
}

extension Unwatch: WithFields {
    var fields: JSON { ["watch": .narrow(watch)] }
}

extension Events: WithFields {
    var fields: JSON {
        [
            "watch": .narrow(watch), "next": .wide(next), "missed": .wide(missed),
            "events": .array(events.map(\.json)),
        ]
    }
}

extension JobEvent {
    fileprivate var json: JSON {
        [
            "offset": .wide(offset), "at": .wide(at), "id": .wide(id.rawValue),
            "state": .narrow(state?.rawValue ?? 0), "kind": .narrow(kind.rawValue),
            "attempt": .narrow(attempt), "queue": .string(queue), "type": .string(type),
            "options": .present([
                "error": error.map { .string($0) }, "session": session.map { .wide($0) },
                "progress": progress?.json, "worker": worker.map { .string($0) },
            ]),
        ]
    }
}

extension Times: WithFields {
    var fields: JSON { ["queue": .string(queue)] }
}

extension TimesPage: WithFields {
    var fields: JSON {
        [
            "types": .array(
                types.map {
                    [
                        "type": .string($0.type), "wait": $0.wait.json, "run": $0.run.json,
                        "total": $0.total.json,
                    ]
                })
        ]
    }
}

extension TimeHistogram {
    fileprivate var json: JSON {
        [
            "count": .wide(count), "sum": .wide(sumMilliseconds),
            "buckets": .array(buckets.map { .wide($0) }),
        ]
    }
}

extension Verify: WithFields {
    var fields: JSON { ["cursor": .bytes(cursor)] }
}

extension Verified: WithFields {
    var fields: JSON {
        [
            "rows": .wide(rows), "jobs": .wide(jobs),
            "problems": .array(
                problems.map { ["table": .narrow($0.table), "sentence": .string($0.sentence)] }),
            "cursor": .bytes(cursor),
        ]
    }
}

extension Act: WithFields {
    var fields: JSON {
        [
            "action": .narrow(action.rawValue), "ids": .array(ids.map { .wide($0.rawValue) }),
            "options": options.fields,
        ]
    }
}

extension Acted: WithFields {
    var fields: JSON {
        [
            "count": .number(results.count),
            "runs": .array(
                runs.map { run in
                    switch run {
                    case .done(let state, let count):
                        [
                            "items": .narrow(count), "code": .number(0),
                            "result": ["state": .narrow(state?.rawValue ?? 0)],
                        ]
                    case .refused(let error, let count): runFields(count, error)
                    }
                }),
        ]
    }
}

extension Edit: WithFields {
    var fields: JSON {
        .present([
            "id": .wide(id.rawValue), "options": options.json, "payload": payload?.fields,
        ])
    }
}

extension ActAll: WithFields {
    var fields: JSON {
        [
            "action": .narrow(action.rawValue), "queue": .string(queue),
            "states": .narrow(states.rawValue), "filter": filter.fields, "options": options.fields,
        ]
    }
}

extension ActionGet: WithFields {
    var fields: JSON {
        [
            "action": .wide(action), "flags": .number(stops ? 1 : 0),
            "milliseconds": .narrow(waitMilliseconds),
        ]
    }
}

extension ActionInfo: WithFields {
    var fields: JSON {
        [
            "id": .wide(id), "action": .narrow(action.rawValue), "state": .narrow(state.rawValue),
            "seen": .wide(seen), "changed": .wide(changed), "refused": .wide(refused),
            "started": .wide(startedAt), "finished": .wide(finishedAt),
        ]
    }
}

extension QueueSet: WithFields {
    var fields: JSON {
        var options = settings.present
        options["pause"] = pause.map { ["by": .string($0.by), "reason": .string($0.reason)] }
        options["resume"] = .flag(resumes)
        options["drain"] = drains.map { .number($0 ? 1 : 0) }
        return ["queue": .string(queue), "options": .present(options)]
    }
}

extension QueueDelete: WithFields {
    var fields: JSON { ["queue": .string(queue), "flags": .number(withJobs ? 1 : 0)] }
}
