package import NIOCore

/// How far a running job has come.
package struct ProgressMessage: Message {
    package static let opcode = Opcode.progress

    package var id: JobID
    package var token: UInt64
    package var progress: JobProgress

    package init(id: JobID, token: UInt64, progress: JobProgress) {
        self.id = id
        self.token = token
        self.progress = progress
    }

    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        token = try reader.u64()
        progress = try JobProgress(from: &reader)
        guard progress.done <= Limits.progressDoneMax else {
            throw .fieldInvalid(
                "done", actual: UInt64(progress.done), range: 0...UInt64(Limits.progressDoneMax))
        }
        let length = progress.message.utf8.count
        guard length <= Limits.progressMessageBytesMax else {
            throw .fieldInvalid(
                "message's length", actual: UInt64(length),
                range: 0...UInt64(Limits.progressMessageBytesMax))
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(id.rawValue)
        buffer.writeLittle(token)
        progress.write(to: &buffer)
    }
}

package struct JobProgress: Equatable, Sendable {
    /// In 1/10,000: 0 to 10,000.
    package var done: UInt16
    /// At most 1,024 bytes.
    package var message: String

    package init(done: UInt16, message: String = "") {
        self.done = done
        self.message = message
    }

    init(from reader: inout WireReader) throws(WireError) {
        done = try reader.u16()
        message = try reader.text16()
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(done)
        buffer.writeText16(message.truncated(toUTF8Bytes: Limits.progressMessageBytesMax))
    }
}
