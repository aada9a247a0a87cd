import Store

/// Something that is done to a job by request.
package struct JobAction: Sendable, Equatable {
    /// The numbers are those of the protocol.
    package enum Kind: UInt8, Sendable, CaseIterable {
        case cancel = 1
        case retry = 2
        case delete = 3
        case reprioritise = 4
        case purge = 5
    }

    package var kind: Kind
    /// Of a cancel: why, at most `EngineLimits.reasonBytesMax` bytes of UTF-8.
    package var reason = ""
    /// Of a cancel: milliseconds that a running job has to end by itself.
    package var grace: UInt64 = JobAction.defaultGrace
    /// Of a retry: whether failures, crashes and interruptions go on counting.
    package var keepsCounters = false
    /// Of a retry: not before this instant, milliseconds since 1970.
    package var runAt: UInt64 = 0
    /// Of a reprioritise.
    package var priority = JobOptions.defaultPriority

    package static let defaultGrace: UInt64 = 10_000

    package init(_ kind: Kind) { self.kind = kind }
}

/// What an action or an edit came to.
package enum JobActionOutcome: Sendable, Equatable {
    /// The state that the job is in now; nil when it is gone.
    case done(JobState?)
    case notFound
    /// Its record does not match its check value and is set aside.
    case damaged
    /// A finished job is not cancelled.
    case isFinished(JobState)
    /// Not possible in this state.
    case isInState(JobState)
}

extension JobAction.Kind {
    /// States in which the action changes something.
    var states: [JobState] {
        switch self {
        case .cancel: [.scheduled, .ready, .running]
        case .retry: [.scheduled, .dead, .cancelled, .expired]
        case .delete: [.completed, .dead, .cancelled, .expired]
        case .reprioritise: [.scheduled, .ready, .dead]
        case .purge: [.scheduled, .ready, .completed, .dead, .cancelled, .expired]
        }
    }
}

// MARK: - Bytes

extension JobAction {
    init(from reader: inout RowReader) throws(StoreError) {
        let number = try reader.u8()
        guard let kind = Kind(rawValue: number) else {
            throw nonsense(Tables.actions, Key(), "an action of kind \(number)")
        }
        self.init(kind)
        keepsCounters = try reader.u8() != 0
        priority = try reader.u8()
        grace = try reader.u64()
        runAt = try reader.u64()
        reason = String(decoding: try reader.bytes(Int(try reader.u16())), as: UTF8.self)
    }

    func write(to writer: inout RowWriter) {
        writer.u8(kind.rawValue)
        writer.u8(keepsCounters ? 1 : 0)
        writer.u8(priority)
        writer.u64(grace)
        writer.u64(runAt)
        writer.u16(UInt16(reason.utf8.count))
        writer.bytes(Array(reason.utf8))
    }
}
