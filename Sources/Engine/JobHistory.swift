import Store

extension JobRow {
    /// What has happened to a job since it was submitted. Byte strings point where those of the row do;
    /// instants are milliseconds since 1970, 0 for none.
    ///
    /// ```
    /// u8 which of these follow, bit n the n-th:
    /// 0 due: u64    1 started: u64    2 finished: u64  vanishes: u64
    /// 3 failure: u64 fingerprint  u16 n, message  u8 n, class  u16 n, stack
    /// 4 cancel: u64 requested  u64 grace ends  u16 n, reason
    /// 5 redrive: u16 count  u64 last  u8 from state
    /// ```
    struct History {
        /// When the job became, or is to become, ready: the instant of its timer while it is scheduled.
        var dueAt: UInt64 = 0
        var startedAt: UInt64 = 0
        var finishedAt: UInt64 = 0
        /// When the finished job is to vanish: the instant of its timer.
        var vanishAt: UInt64 = 0
        private var boxedTrouble: Box<Trouble>?

        /// What most jobs never meet.
        struct Trouble {
            /// The last failure or crash.
            var failure = Failure()
            /// When somebody asked that the job be cancelled.
            var cancelRequestedAt: UInt64 = 0
            /// While a running job is to be cancelled: when its grace ends, the instant of its timer. Else 0.
            var cancelEndsAt: UInt64 = 0
            var cancelReason = UnsafeRawBufferPointer.none
            /// How often the job was sent back to work by request.
            var redrives: UInt16 = 0
            var redrivenAt: UInt64 = 0
            /// Its state before the last of them.
            var redrivenFrom: JobState?
        }

        /// Nil when the job has met none.
        var trouble: Trouble? {
            get { boxedTrouble?.value }
            set { boxedTrouble = newValue.map { Box($0) } }
        }

        private mutating func change(_ change: (inout Trouble) -> Void) {
            var trouble = self.trouble ?? Trouble()
            change(&trouble)
            self.trouble = trouble
        }

        var failure: Failure {
            get { boxedTrouble?.value.failure ?? Failure() }
            set {
                guard boxedTrouble != nil || !newValue.isNone else { return }
                change { $0.failure = newValue }
            }
        }
        var cancelRequestedAt: UInt64 {
            get { boxedTrouble?.value.cancelRequestedAt ?? 0 }
            set { change { $0.cancelRequestedAt = newValue } }
        }
        var cancelEndsAt: UInt64 {
            get { boxedTrouble?.value.cancelEndsAt ?? 0 }
            set { change { $0.cancelEndsAt = newValue } }
        }
        var cancelReason: UnsafeRawBufferPointer {
            get { boxedTrouble?.value.cancelReason ?? .none }
            set { change { $0.cancelReason = newValue } }
        }
        var redrives: UInt16 {
            get { boxedTrouble?.value.redrives ?? 0 }
            set { change { $0.redrives = newValue } }
        }
        var redrivenAt: UInt64 {
            get { boxedTrouble?.value.redrivenAt ?? 0 }
            set { change { $0.redrivenAt = newValue } }
        }
        var redrivenFrom: JobState? {
            get { boxedTrouble?.value.redrivenFrom }
            set { change { $0.redrivenFrom = newValue } }
        }

        private struct Fields: OptionSet {
            let rawValue: UInt8
            static let due = Fields(rawValue: 1)
            static let started = Fields(rawValue: 2)
            static let finished = Fields(rawValue: 4)
            static let failure = Fields(rawValue: 8)
            static let cancel = Fields(rawValue: 16)
            static let redrive = Fields(rawValue: 32)
        }

        private var fields: Fields {
            var fields = Fields()
            if dueAt > 0 { fields.insert(.due) }
            if startedAt > 0 { fields.insert(.started) }
            if finishedAt > 0 { fields.insert(.finished) }
            guard let trouble else { return fields }
            if !trouble.failure.isNone { fields.insert(.failure) }
            if trouble.cancelRequestedAt > 0 { fields.insert(.cancel) }
            if trouble.redrives > 0 { fields.insert(.redrive) }
            return fields
        }

        init(dueAt: UInt64 = 0, startedAt: UInt64 = 0) {
            self.dueAt = dueAt
            self.startedAt = startedAt
        }

        init(from reader: inout RowReader) throws(StoreError) {
            let fields = Fields(rawValue: try reader.u8())
            if fields.contains(.due) { dueAt = try reader.u64() }
            if fields.contains(.started) { startedAt = try reader.u64() }
            if fields.contains(.finished) {
                finishedAt = try reader.u64()
                vanishAt = try reader.u64()
            }
            guard !fields.isDisjoint(with: [.failure, .cancel, .redrive]) else { return }
            var trouble = Trouble()
            if fields.contains(.failure) { trouble.failure = try Failure(from: &reader) }
            if fields.contains(.cancel) {
                trouble.cancelRequestedAt = try reader.u64()
                trouble.cancelEndsAt = try reader.u64()
                trouble.cancelReason = try reader.bytes(Int(try reader.u16()))
            }
            if fields.contains(.redrive) {
                trouble.redrives = try reader.u16()
                trouble.redrivenAt = try reader.u64()
                trouble.redrivenFrom = JobState(rawValue: try reader.u8())
            }
            self.trouble = trouble
        }

        func write(to writer: inout RowWriter) {
            let fields = fields
            writer.u8(fields.rawValue)
            if fields.contains(.due) { writer.u64(dueAt) }
            if fields.contains(.started) { writer.u64(startedAt) }
            if fields.contains(.finished) {
                writer.u64(finishedAt)
                writer.u64(vanishAt)
            }
            guard let trouble else { return }
            if fields.contains(.failure) { trouble.failure.write(to: &writer) }
            if fields.contains(.cancel) {
                writer.u64(trouble.cancelRequestedAt)
                writer.u64(trouble.cancelEndsAt)
                writer.bytes16(trouble.cancelReason)
            }
            if fields.contains(.redrive) {
                writer.u16(trouble.redrives)
                writer.u64(trouble.redrivenAt)
                writer.u8(trouble.redrivenFrom?.rawValue ?? 0)
            }
        }
    }
}

/// Why an attempt did not succeed. Pointers are valid during the call; texts are UTF-8.
package struct Failure {
    /// At most `EngineLimits.errorBytesMax` bytes, as is the stack.
    package var message: UnsafeRawBufferPointer
    /// At most 255 bytes.
    package var errorClass: UnsafeRawBufferPointer
    package var stack: UnsafeRawBufferPointer
    /// Equal for equal errors; 0 for none.
    package var fingerprint: UInt64
    /// Milliseconds until the next attempt, in the place of the backoff; not stored.
    package var retryAfter: UInt64?
    /// Whether the job is dead at once, whatever attempts are left; not stored.
    package var isDiscard = false

    package init(
        message: UnsafeRawBufferPointer, errorClass: UnsafeRawBufferPointer = .none,
        stack: UnsafeRawBufferPointer = .none, fingerprint: UInt64 = 0
    ) {
        self.message = message
        self.errorClass = errorClass
        self.stack = stack
        self.fingerprint = fingerprint
    }

    init() { self.init(message: .none) }

    var isNone: Bool { message.count == 0 && errorClass.count == 0 && fingerprint == 0 }

    init(from reader: inout RowReader) throws(StoreError) {
        let fingerprint = try reader.u64()
        let message = try reader.bytes(Int(try reader.u16()))
        let errorClass = try reader.bytes(Int(try reader.u8()))
        let stack = try reader.bytes(Int(try reader.u16()))
        self.init(
            message: message, errorClass: errorClass, stack: stack, fingerprint: fingerprint)
    }

    func write(to writer: inout RowWriter) {
        writer.u64(fingerprint)
        writer.bytes16(message)
        writer.u8(UInt8(errorClass.count))
        writer.bytes(errorClass)
        writer.bytes16(stack)
    }
}

extension Failure {
    /// An error of the engine's own, with the fingerprint that a worker would give it: its texts hold
    /// nothing that differs from job to job.
    init(_ message: StaticString, class errorClass: StaticString = "") {
        let separator: StaticString = "\0"
        self.init(
            message: message.bytes, errorClass: errorClass.bytes,
            fingerprint: hashed(
                message.bytes, after: hashed(separator.bytes, after: hashed(errorClass.bytes))))
    }

    /// That of a job whose worker did not stop it at its timeout.
    static var timeout: Failure {
        Failure("the attempt ran longer than its timeout", class: "Timeout")
    }
}
