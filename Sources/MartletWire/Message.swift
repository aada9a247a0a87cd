package import NIOCore

/// A message as a value, for whoever is not in a hurry: clients, tools and tests. The broker reads and writes
/// the busy ones through views and writers instead.
package protocol Message: Equatable, Sendable {
    static var opcode: Opcode { get }

    /// Reads the body's fields. Whether bytes are left over is for the caller to see.
    /// - Throws: Mostly `INVALID_MESSAGE`; a batch's size and names have errors of their own.
    init(from reader: inout WireReader) throws(WireError)

    /// Writes the body.
    func write(to buffer: inout ByteBuffer)
}

extension Message {
    /// Reads a whole body.
    package init(body: ByteBuffer) throws(WireError) {
        self = try body.withReader { (reader) throws(WireError) -> Self in
            let message = try Self(from: &reader)
            try reader.expectEnd()
            return message
        }
    }
}

/// A message that is all said by its opcode.
package protocol EmptyMessage: Message {
    init()
}

extension EmptyMessage {
    package init(from reader: inout WireReader) throws(WireError) { self.init() }

    package func write(to buffer: inout ByteBuffer) {}
}
