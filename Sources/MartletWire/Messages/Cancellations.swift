package import NIOCore

/// Somebody cancelled these running jobs; pushed to the worker that has them.
package struct Cancellations: Message {
    package static let opcode = Opcode.cancel

    package var items: [Cancellation]

    package init(items: [Cancellation]) { self.items = items }

    package init(from reader: inout WireReader) throws(WireError) {
        items = []
        for _ in 0..<(try reader.u16()) { items.append(try Cancellation(from: &reader)) }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(items.count))
        for item in items { item.write(to: &buffer) }
    }
}

package struct Cancellation: Equatable, Sendable {
    package var id: JobID
    package var token: UInt64
    /// What the worker settles within that time counts.
    package var graceMilliseconds: UInt32
    /// At most 1,024 bytes.
    package var reason: String

    package init(id: JobID, token: UInt64, graceMilliseconds: UInt32, reason: String = "") {
        self.id = id
        self.token = token
        self.graceMilliseconds = graceMilliseconds
        self.reason = reason
    }

    init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        token = try reader.u64()
        graceMilliseconds = try reader.u32()
        reason = try reader.text16()
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(id.rawValue, token, graceMilliseconds, endianness: .little)
        buffer.writeText16(reason.truncated(toUTF8Bytes: Limits.actionReasonBytesMax))
    }
}
