package import NIOCore

/// A queue's settings; `nil`: not set, or not to be changed.
package struct QueueSettings: Equatable, Sendable {
    /// Most jobs waiting, scheduled or ready; 0: no limit.
    package var depthMax: UInt64?
    /// Most payload bytes waiting; 0: no limit.
    package var bytesMax: UInt64?
    /// Within a priority.
    package var order: Order?
    /// Those in `SubmitOptions.defaultable`.
    package var defaults: SubmitOptions?

    package enum Order: UInt8, CaseIterable, Sendable {
        case firstInFirstOut = 0
        case lastInFirstOut = 1
    }

    package init(
        depthMax: UInt64? = nil, bytesMax: UInt64? = nil, order: Order? = nil,
        defaults: SubmitOptions? = nil
    ) {
        self.depthMax = depthMax
        self.bytesMax = bytesMax
        self.order = order
        self.defaults = defaults
    }

    package var isEmpty: Bool { self == QueueSettings() }

    /// Reads to the end.
    package init(from reader: inout WireReader) throws(WireError) {
        var settings = QueueSettings()
        try reader.options { (tag, option) throws(WireError) in
            try settings.read(tag, &option)
        }
        self = settings
    }

    /// Reads the option `tag`, or skips it when it is no setting.
    fileprivate mutating func read(_ tag: UInt16, _ option: inout WireReader) throws(WireError) {
        switch tag {
        case 1: depthMax = try option.u64()
        case 2: bytesMax = try option.u64()
        case 3: order = try option.named("order")
        case 4: defaults = try SubmitOptions(from: &option)
        default: option.skip()
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeOption(1, depthMax)
        buffer.writeOption(2, bytesMax)
        buffer.writeOption(3, order?.rawValue)
        if let defaults { buffer.writeOption(4) { defaults.write(to: &$0) } }
    }
}

/// Changes a queue's settings, and whether it delivers and takes jobs.
package struct QueueSet: Message {
    package static let opcode = Opcode.queueSet

    package var queue: String
    package var settings: QueueSettings
    /// Deliveries stop.
    package var pause: Pause?
    /// Deliveries go on.
    package var resumes: Bool
    /// Submissions are refused, or taken again.
    package var drains: Bool?

    package struct Pause: Equatable, Sendable {
        /// Who pauses it, at most 255 bytes.
        package var by: String
        /// At most 1,024 bytes.
        package var reason: String

        package init(by: String, reason: String) {
            self.by = by
            self.reason = reason
        }

        init(from reader: inout WireReader) throws(WireError) {
            by = try reader.text8()
            reason = try reader.text16()
        }

        func write(to buffer: inout ByteBuffer) {
            buffer.writeText8(by.truncated(toUTF8Bytes: Int(UInt8.max)))
            buffer.writeText16(reason.truncated(toUTF8Bytes: Limits.actionReasonBytesMax))
        }
    }

    package init(
        queue: String, settings: QueueSettings = QueueSettings(), pause: Pause? = nil,
        resumes: Bool = false, drains: Bool? = nil
    ) {
        self.queue = queue
        self.settings = settings
        self.pause = pause
        self.resumes = resumes
        self.drains = drains
    }

    package init(from reader: inout WireReader) throws(WireError) {
        self.init(queue: try reader.text8())
        try Names.check(queue: queue)
        var read = self
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 5: read.pause = try Pause(from: &option)
            case 6: read.resumes = true
            case 7: read.drains = try option.flags(known: 1) == 1
            default: try read.settings.read(tag, &option)
            }
        }
        self = read
        if let refusal { throw refusal }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        settings.write(to: &buffer)
        if let pause { buffer.writeOption(5) { pause.write(to: &$0) } }
        buffer.writeOption(6, when: resumes)
        buffer.writeOption(7, drains.map { UInt8($0 ? 1 : 0) })
    }

    private var refusal: WireError? {
        if pause != nil, resumes {
            return .optionInvalid("pause and resume are both given; say one of them")
        }
        let reasonBytes = pause.map { UInt64($0.reason.utf8.count) }
        return settings.defaults?.refusal(outside: SubmitOptions.defaultable)
            ?? settings.defaults?.refusal
            ?? MartletWire.refusal(
                "reason's length", reasonBytes, 0...UInt64(Limits.actionReasonBytesMax))
    }
}

/// Deletes a queue.
package struct QueueDelete: Message {
    package static let opcode = Opcode.queueDelete

    package var queue: String
    /// With all its jobs; else only an empty queue.
    package var withJobs: Bool

    package init(queue: String, withJobs: Bool = false) {
        self.queue = queue
        self.withJobs = withJobs
    }

    package init(from reader: inout WireReader) throws(WireError) {
        queue = try reader.text8()
        withJobs = try reader.flags(known: 1) == 1
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        buffer.writeLittle(UInt8(withJobs ? 1 : 0))
    }
}
