package import NIOCore

/// Does one thing to every job that matches, in steps of the server's own.
package struct ActAll: Message {
    package static let opcode = Opcode.actAll

    package var action: JobAction
    /// Empty: all.
    package var queue: String
    /// Empty: all that the action may change.
    package var states: JobStates
    package var filter: JobFilter
    package var options: ActOptions

    package init(
        _ action: JobAction, queue: String = "", states: JobStates = [],
        filter: JobFilter = JobFilter(), options: ActOptions = ActOptions()
    ) {
        self.action = action
        self.queue = queue
        self.states = states
        self.filter = filter
        self.options = options
    }

    package init(from reader: inout WireReader) throws(WireError) {
        action = try reader.named("action")
        queue = try reader.text8()
        states = JobStates(rawValue: try reader.u16())
        var part = try reader.part(Int(reader.u16()))
        filter = try JobFilter(from: &part)
        options = try ActOptions(of: action, isBulk: true, from: &reader)
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(action.rawValue)
        buffer.writeText8(queue)
        buffer.writeLittle(states.rawValue)
        buffer.writeSized16 { filter.write(to: &$0) }
        options.write(to: &buffer)
    }
}

/// Asks how a bulk action goes, or stops it.
package struct ActionGet: Message {
    package static let opcode = Opcode.actionGet

    package var action: UInt64
    package var stops: Bool
    /// How long to wait for its end, 0 to 60,000.
    package var waitMilliseconds: UInt32

    package init(action: UInt64, stops: Bool = false, waitMilliseconds: UInt32 = 0) {
        self.action = action
        self.stops = stops
        self.waitMilliseconds = waitMilliseconds
    }

    package init(from reader: inout WireReader) throws(WireError) {
        action = try reader.u64()
        stops = try reader.flags(known: 1) == 1
        waitMilliseconds = try reader.u32()
        try checkField(
            "milliseconds", Int(waitMilliseconds), 0...Int(Limits.actionWaitMillisecondsMax))
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            action, UInt8(stops ? 1 : 0), waitMilliseconds, endianness: .little)
    }
}

/// How a bulk action goes.
package struct ActionInfo: Message {
    package static let opcode = Opcode.action

    package var id: UInt64
    package var action: JobAction
    package var state: State
    /// Jobs looked at, changed, and refused.
    package var seen: UInt64
    package var changed: UInt64
    package var refused: UInt64
    /// Milliseconds since 1970.
    package var startedAt: UInt64
    /// Milliseconds since 1970; 0: not yet.
    package var finishedAt: UInt64

    package enum State: UInt8, CaseIterable, Sendable {
        case running = 1
        case done = 2
        case stopped = 3
    }

    package init(
        id: UInt64, action: JobAction, state: State, seen: UInt64 = 0, changed: UInt64 = 0,
        refused: UInt64 = 0, startedAt: UInt64, finishedAt: UInt64 = 0
    ) {
        self.id = id
        self.action = action
        self.state = state
        self.seen = seen
        self.changed = changed
        self.refused = refused
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            id: try reader.u64(), action: try reader.named("action"),
            state: try reader.named("state"), seen: try reader.u64(), changed: try reader.u64(),
            refused: try reader.u64(), startedAt: try reader.u64(), finishedAt: try reader.u64())
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            id, action.rawValue, state.rawValue, seen, changed, refused, startedAt, finishedAt,
            endianness: .little)
    }
}
