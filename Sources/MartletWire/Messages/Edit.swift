package import NIOCore

/// Changes a job that does not run.
package struct Edit: Message {
    package static let opcode = Opcode.edit

    package var id: JobID
    /// Those that `SubmitOptions.editRefusal` lets through.
    package var options: SubmitOptions
    /// Takes the place of the old one.
    package var payload: Payload?

    package init(id: JobID, options: SubmitOptions = SubmitOptions(), payload: Payload? = nil) {
        self.id = id
        self.options = options
        self.payload = payload
    }

    /// Does not look at the payload: `PayloadView.refusal` does.
    package init(from reader: inout WireReader) throws(WireError) {
        id = JobID(rawValue: try reader.u64())
        var part = try reader.part(Int(reader.u16()))
        options = try SubmitOptions(from: &part)
        payload = reader.left > 0 ? Payload(try reader.payload()) : nil
        if let refusal = options.editRefusal { throw refusal }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(id.rawValue)
        buffer.writeSized16 { options.write(to: &$0) }
        if let payload { buffer.writePayload(payload) }
    }
}
