import Foundation
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// One job that a request asks for: its payload, and where it goes.
struct Submission {
    let payload: ByteBuffer
    let destination: Destination

    /// A payload in base 64 takes a third more, and the options have to fit too.
    static func objectBytesMax(payloadBytesMax: Int) -> Int {
        payloadBytesMax / 3 * 4 + Request.instructionBytesMax
    }

    static let memberNames = ["queue", "type", "payload_base64"] + JobOptions.memberNames

    init(payload: ByteBuffer, to destination: Destination) {
        self.payload = payload
        self.destination = destination
    }

    /// Reads a job that is a JSON object.
    ///
    /// - Parameter adjust: adds what the request says beside it.
    init(
        json bytes: ByteBuffer, adjust: (inout JobOptions) throws(Problem) -> Void = { _ in }
    ) throws(Problem) {
        let body = try JSONBody(bytes, opaque: "payload")
        let members = try RequestOptions(body.members, known: Self.memberNames + ["payload"])
        guard let queue = try members.text("queue") else {
            throw members.invalid("queue", "a queue's name")
        }
        payload = try members.payload(opaque: body.opaque) ?? ByteBuffer()
        var options = try JobOptions(members: members)
        try adjust(&options)
        destination = try Destination(
            queue: queue, type: try members.text("type"), options: options)
    }
}

extension RequestOptions {
    /// A payload: JSON as it is written, or bytes in base 64; nil when there is neither.
    func payload(opaque: ByteBuffer?) throws(Problem) -> ByteBuffer? {
        guard let text = try text("payload_base64") else { return opaque }
        guard opaque == nil else {
            throw .optionInvalid("payload and payload_base64 are both given; say one of them")
        }
        guard let data = Data(base64Encoded: text) else {
            throw .optionInvalid("payload_base64 is not base 64")
        }
        return ByteBuffer(bytes: data)
    }
}

extension Destination {
    /// The state in which a job begins.
    fileprivate var firstState: JobStatus.State {
        switch options.fields.due {
        case nil, .delay(0): .ready
        case .at(let instant) where Double(instant) <= Date.now.timeIntervalSince1970 * 1_000:
            .ready
        case .delay, .at, .both: .scheduled
        }
    }
}

extension SubmissionJSON {
    init(_ job: PushedJob, _ destination: Destination) {
        self.init(
            id: job.id, queue: destination.queue, type: destination.type,
            state: job.wasDuplicate ? nil : destination.firstState,
            wasDuplicate: job.wasDuplicate, durability: job.durability)
    }
}
