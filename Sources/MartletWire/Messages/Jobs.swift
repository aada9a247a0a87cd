package import NIOCore

/// Deliveries of one subscription, pushed.
package struct Jobs: Message {
    package static let opcode = Opcode.jobs

    package var subscription: UInt32
    /// Lease token of all deliveries here.
    package var token: UInt64
    /// The lease, from now.
    package var leaseMilliseconds: UInt32
    package var types: [String]
    package var deliveries: [Delivery]

    package init(
        subscription: UInt32, token: UInt64, leaseMilliseconds: UInt32, types: [String],
        deliveries: [Delivery]
    ) {
        self.subscription = subscription
        self.token = token
        self.leaseMilliseconds = leaseMilliseconds
        self.types = types
        self.deliveries = deliveries
    }

    package init(from reader: inout WireReader) throws(WireError) {
        subscription = try reader.u32()
        token = try reader.u64()
        leaseMilliseconds = try reader.u32()
        types = []
        for _ in 0..<(try reader.u16()) { types.append(try reader.text8()) }
        deliveries = []
        for _ in 0..<(try reader.u16()) {
            let delivery = try Delivery(from: &reader)
            guard Int(delivery.fields.type) < types.count else {
                throw .invalidMessage("delivery has type \(delivery.fields.type) of \(types.count)")
            }
            deliveries.append(delivery)
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            subscription, token, leaseMilliseconds, UInt16(types.count), endianness: .little)
        for type in types { buffer.writeText8(type) }
        buffer.writeLittle(UInt16(deliveries.count))
        for delivery in deliveries { delivery.write(to: &buffer) }
    }
}

/// One job in a worker's hands.
package struct Delivery: Equatable, Sendable {
    package var fields: DeliveryFields
    package var payload: Payload
    package var options: DeliveryOptions

    package init(
        fields: DeliveryFields, payload: Payload, options: DeliveryOptions = DeliveryOptions()
    ) {
        self.fields = fields
        self.payload = payload
        self.options = options
    }

    init(from reader: inout WireReader) throws(WireError) {
        fields = try DeliveryFields(from: &reader)
        payload = Payload(try reader.payload())
        var part = try reader.part(Int(reader.u32()))
        options = try DeliveryOptions(from: &part)
    }

    func write(to buffer: inout ByteBuffer) {
        fields.write(to: &buffer)
        buffer.writePayload(payload)
        buffer.writeSized32 { options.write(to: &$0) }
    }
}

/// A delivery's fixed fields.
package struct DeliveryFields: Equatable, Sendable {
    package var id: JobID
    /// Index into the message's types. `JobsWriter` sets it.
    package var type: UInt16
    package var failures: UInt16
    package var crashes: UInt16
    package var interruptions: UInt16
    package var maxAttempts: UInt16
    /// Milliseconds since 1970.
    package var createdAt: UInt64

    package init(
        id: JobID, type: UInt16 = 0, failures: UInt16 = 0, crashes: UInt16 = 0,
        interruptions: UInt16 = 0, maxAttempts: UInt16, createdAt: UInt64
    ) {
        self.id = id
        self.type = type
        self.failures = failures
        self.crashes = crashes
        self.interruptions = interruptions
        self.maxAttempts = maxAttempts
        self.createdAt = createdAt
    }

    /// The number of this attempt, beginning with 1.
    package var attempt: Int { Int(failures) + Int(crashes) + Int(interruptions) + 1 }

    package static let byteCount = 26

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        type = try reader.u16()
        failures = try reader.u16()
        crashes = try reader.u16()
        interruptions = try reader.u16()
        maxAttempts = try reader.u16()
        createdAt = try reader.u64()
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeFields(DeliveryFields.byteCount) { write(to: &$0) }
    }

    @inline(__always)
    func write(to writer: inout FieldWriter) {
        writer.write(id.rawValue)
        writer.write(type)
        writer.write(failures)
        writer.write(crashes)
        writer.write(interruptions)
        writer.write(maxAttempts)
        writer.write(createdAt)
    }
}
