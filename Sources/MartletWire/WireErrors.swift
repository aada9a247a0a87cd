// The errors that more than one place gives, each with its sentence.

extension WireError {
    package static func invalidMessage(_ message: String) -> WireError {
        WireError(.invalidMessage, message)
    }

    package static func unknownOpcode(_ opcode: UInt8) -> WireError {
        WireError(
            .unknownOpcode, actual: UInt64(opcode),
            "opcode 0x\(String(opcode, radix: 16)) is not known here; this is protocol version \(Preface.version)"
        )
    }

    package static func messageTooLarge(actual: Int, limit: Int) -> WireError {
        WireError(
            .messageTooLarge, limit: UInt64(limit), actual: UInt64(actual),
            "message has \(actual.grouped) bytes or more, the limit is \(limit.grouped) (message_bytes_max)"
        )
    }

    package static func tooManyUnfinished(limit: Int) -> WireError {
        WireError(
            .tooManyUnfinished, limit: UInt64(limit), actual: UInt64(limit + 1),
            "more than \(limit) messages are unfinished on this channel; finish one before beginning another"
        )
    }

    package static func helloRepeated() -> WireError {
        WireError(.helloRepeated, "HELLO was sent before; it begins a connection and comes once")
    }

    package static func batchTooLarge(actual: Int, limit: Int = Limits.batchMax) -> WireError {
        WireError(
            .batchTooLarge, limit: UInt64(limit), actual: UInt64(actual),
            actual == 0
                ? "batch is empty; it needs 1 to \(limit.grouped) items (batch_max)"
                : "batch has \(actual.grouped) items, the limit is \(limit.grouped) (batch_max)")
    }

    package static func payloadEmpty() -> WireError {
        WireError(.payloadEmpty, limit: 1, "payload is empty; it needs at least 1 byte")
    }

    package static func payloadTooLarge(actual: Int, limit: Int) -> WireError {
        WireError(
            .payloadTooLarge, limit: UInt64(limit), actual: UInt64(actual),
            "payload is \(actual.grouped) bytes, the server's limit is \(limit.grouped) (payload_bytes_max)"
        )
    }

    package static func payloadDamaged() -> WireError {
        WireError(.payloadDamaged, "payload does not match its CRC32C; send it again")
    }

    package static func codecUnknown(_ codec: Codec) -> WireError {
        WireError(
            .codecUnknown, actual: UInt64(codec.rawValue),
            "payload has codec \(codec.rawValue); known are 0 (plain), 1 (zstd) and 2 (zstd with a dictionary)"
        )
    }

    package static func dictionaryUnknown(_ id: UInt32) -> WireError {
        WireError(
            .dictionaryUnknown, actual: UInt64(id),
            "there is no dictionary \(id) here; it never was, or was retired and no job names it any more"
        )
    }

    /// A type's active dictionary is another than was thought.
    /// - Parameter active: 0: it has none.
    package static func dictionaryExists(_ active: UInt32, type: String) -> WireError {
        WireError(
            .dictionaryExists, actual: UInt64(active),
            active == 0
                ? "type \(type) has no dictionary that could be replaced"
                : "the dictionary of type \(type) is \(active) by now")
    }

    /// - Parameter unit: with a space in front.
    package static func optionInvalid(
        _ name: String, actual: UInt64, range: ClosedRange<UInt64>, unit: String = ""
    ) -> WireError {
        let bounds = "\(range.lowerBound.grouped) to \(range.upperBound.grouped)"
        return WireError(
            .optionInvalid, limit: actual < range.lowerBound ? range.lowerBound : range.upperBound,
            actual: actual, "\(name) is \(actual.grouped)\(unit), its range is \(bounds)\(unit)")
    }

    /// An option that is wrong in another way than a number out of its range.
    package static func optionInvalid(_ message: String) -> WireError {
        WireError(.optionInvalid, message)
    }

    package static func fieldInvalid(_ name: String, actual: UInt64, range: ClosedRange<UInt64>)
        -> WireError
    {
        WireError(
            .invalidMessage, limit: actual < range.lowerBound ? range.lowerBound : range.upperBound,
            actual: actual,
            "\(name) is \(actual.grouped), its range is \(range.lowerBound.grouped) to \(range.upperBound.grouped)"
        )
    }

    package static func batchRefused() -> WireError {
        WireError(
            .batchRefused, "another job of this atomic batch was refused, so none was accepted")
    }

    package static func jobNotFound(_ id: JobID) -> WireError {
        WireError(.jobNotFound, "no job \(id); it never was, or its retention is over")
    }

    package static func leaseLost(_ id: JobID) -> WireError {
        WireError(.leaseLost, "job \(id) is not this session's under this lease token")
    }

    /// The same for every job, so that one run tells of many.
    package static let notHeld = WireError(
        .leaseLost, "this session holds no such job under that lease token")

    package static func queueNotFound(_ name: String) -> WireError {
        WireError(.queueNotFound, "no queue \(name); a queue is made by its first job")
    }

    /// The unique key is held, and the holder is what the submission wants.
    package static func duplicate(of holder: JobID) -> WireError {
        WireError(.duplicate, actual: holder.rawValue, "job \(holder) holds this unique key")
    }

    package static func uniqueTaken(by holder: JobID) -> WireError {
        WireError(
            .uniqueTaken, actual: holder.rawValue,
            "job \(holder) holds this unique key, and the submission says reject")
    }

    package static func uniqueMismatch(with holder: JobID) -> WireError {
        WireError(
            .uniqueMismatch, actual: holder.rawValue,
            "job \(holder) holds this unique key with another payload")
    }

    /// - Parameter what: `jobs` or `payload bytes`.
    package static func queueFull(_ name: String, _ what: String, actual: UInt64, limit: UInt64)
        -> WireError
    {
        WireError(
            .queueFull, limit: limit, actual: actual,
            "queue \(name) has \(actual.grouped) \(what) waiting, its limit is \(limit.grouped)")
    }

    package static func queueDraining(_ name: String) -> WireError {
        WireError(.queueDraining, "queue \(name) takes no submissions now: it is being drained")
    }

    package static func jobFinished(_ id: JobID, _ state: JobState) -> WireError {
        WireError(
            .jobFinished, actual: UInt64(state.rawValue), "job \(id) has finished: it is \(state)")
    }

    package static func jobState(_ id: JobID, _ state: JobState, _ action: String) -> WireError {
        WireError(
            .jobState, actual: UInt64(state.rawValue),
            "job \(id) is \(state), in which state \(action) is not possible")
    }

    package static func queueNotEmpty(_ name: String, jobs: UInt64) -> WireError {
        WireError(
            .queueNotEmpty, actual: jobs,
            "queue \(name) has \(jobs.grouped) jobs; delete it with its jobs, or empty it first")
    }

    package static func actionNotFound(_ id: UInt64) -> WireError {
        WireError(
            .actionNotFound, actual: id,
            "no bulk action \(id); it never was, or it ended more than an hour ago")
    }

    package static func tooManyActions() -> WireError {
        WireError(
            .tooManyActions, limit: UInt64(Limits.actionsMax),
            actual: UInt64(Limits.actionsMax + 1),
            "\(Limits.actionsMax) bulk actions are under way; try again when one has ended")
    }

    package static func tooManyWatches() -> WireError {
        WireError(
            .tooManyWatches, limit: UInt64(Limits.watchesMax),
            actual: UInt64(Limits.watchesMax + 1),
            "the session has \(Limits.watchesMax) watches; end one first")
    }

    package static func watchUnknown(_ watch: UInt32) -> WireError {
        WireError(.watchUnknown, actual: UInt64(watch), "the session has no watch \(watch)")
    }

    package static func draining(retryAfterMilliseconds: UInt32) -> WireError {
        WireError(
            .draining, retryAfterMilliseconds: retryAfterMilliseconds,
            "the server is going away; connect again")
    }
}

extension ClosingError {
    package static func badPreface() -> ClosingError {
        ClosingError(
            .badPreface,
            "this port speaks the Martlet protocol, whose connections begin with the bytes MARTLET and a version"
        )
    }

    package static func unsupportedVersion(_ version: UInt8) -> ClosingError {
        ClosingError(
            .unsupportedVersion, limit: UInt64(Preface.version), actual: UInt64(version),
            "protocol version \(version) is not spoken here; the newest is \(Preface.version)")
    }

    package static func unknownFlags(_ header: FrameHeader) -> ClosingError {
        ClosingError(
            .badFrame, requestID: header.requestID, channel: header.channel,
            actual: UInt64(header.flags.rawValue),
            "frame flags are 0x\(String(header.flags.rawValue, radix: 16)); only bit 0 (MORE) is known"
        )
    }

    /// The frame names a channel, and this connection is not a link.
    package static func channelNotAllowed(_ header: FrameHeader) -> ClosingError {
        ClosingError(
            .badFrame, requestID: header.requestID, channel: header.channel,
            actual: UInt64(header.channel),
            "frame is for channel \(header.channel), but this connection is not a link: its channel is 0"
        )
    }

    package static func frameTooLarge(_ header: FrameHeader, limit: Int) -> ClosingError {
        ClosingError(
            .frameTooLarge, requestID: header.requestID, channel: header.channel,
            limit: UInt64(limit),
            actual: UInt64(header.length),
            "frame has \(header.length.grouped) bytes, the limit is \(limit.grouped) (frame_bytes_max); "
                + "send larger messages in several frames")
    }

    package static func notAuthenticated(requestID: UInt64 = 0) -> ClosingError {
        ClosingError(
            .notAuthenticated, requestID: requestID, "the token is missing or not accepted")
    }

    package static func helloExpected(_ header: FrameHeader) -> ClosingError {
        ClosingError(
            .helloExpected, requestID: header.requestID, channel: header.channel,
            "the first frame must be HELLO")
    }

    package static func helloTimeout() -> ClosingError {
        ClosingError(
            .helloExpected, limit: UInt64(Limits.helloTimeoutMilliseconds),
            "no HELLO within \(Limits.helloTimeoutMilliseconds.grouped) ms")
    }

    package static func sessionTaken() -> ClosingError {
        ClosingError(.sessionTaken, "the session was resumed by another connection")
    }
}

/// - Throws: `INVALID_MESSAGE` when `value` is out of `range`.
func checkField(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(WireError) {
    guard range.contains(value) else {
        throw .fieldInvalid(
            name, actual: UInt64(value),
            range: UInt64(range.lowerBound)...UInt64(range.upperBound))
    }
}
