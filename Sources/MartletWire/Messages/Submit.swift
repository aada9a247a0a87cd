package import NIOCore

/// What an acknowledgement is worth.
package enum Durability: UInt8, Sendable {
    /// Answered before it is on disk.
    case memory = 1
    /// Answered when it is on disk.
    case disk = 2
}

/// Jobs of one type for one queue.
package struct Submit: Message {
    package static let opcode = Opcode.submit

    package var queue: String
    package var type: String
    /// Random number of the program that submits; 0: no protection against duplicates.
    package var producer: UInt64
    /// This request's number with that producer, beginning with 1.
    package var sequence: UInt64
    /// The producer's lowest sequence number that is still without an answer.
    package var floor: UInt64
    package var durability: Durability
    /// All jobs or none.
    package var isAtomic: Bool
    /// 1 to `batch_max`.
    package var items: [SubmitItem]
    /// For every job that does not say otherwise itself.
    package var options: SubmitOptions

    package init(
        queue: String, type: String, producer: UInt64 = 0, sequence: UInt64 = 0, floor: UInt64 = 0,
        durability: Durability = .disk, isAtomic: Bool = false, items: [SubmitItem],
        options: SubmitOptions = SubmitOptions()
    ) {
        self.queue = queue
        self.type = type
        self.producer = producer
        self.sequence = sequence
        self.floor = floor
        self.durability = durability
        self.isAtomic = isAtomic
        self.items = items
        self.options = options
    }

    package init(from reader: inout WireReader) throws(WireError) {
        queue = try reader.text8()
        type = try reader.text8()
        producer = try reader.u64()
        sequence = try reader.u64()
        floor = try reader.u64()
        durability = try reader.named("durability")
        isAtomic = try reader.flags(known: 1) == 1
        let count = Int(try reader.u16())
        items = []
        for _ in 0..<count { items.append(try SubmitItem(from: &reader)) }
        options = try SubmitOptions(from: &reader)
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(queue)
        buffer.writeText8(type)
        buffer.writeMultipleIntegers(
            producer, sequence, floor, durability.rawValue, UInt8(isAtomic ? 1 : 0),
            UInt16(items.count),
            endianness: .little)
        for item in items { item.write(to: &buffer) }
        options.write(to: &buffer)
    }
}

/// One job of a `SUBMIT`.
package struct SubmitItem: Equatable, Sendable {
    package var payload: Payload
    package var options: SubmitOptions

    package init(payload: Payload, options: SubmitOptions = SubmitOptions()) {
        self.payload = payload
        self.options = options
    }

    init(from reader: inout WireReader) throws(WireError) {
        payload = Payload(try reader.payload())
        var part = try reader.part(Int(reader.u16()))
        options = try SubmitOptions(from: &part)
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writePayload(payload)
        buffer.writeSized16 { options.write(to: &$0) }
    }
}
