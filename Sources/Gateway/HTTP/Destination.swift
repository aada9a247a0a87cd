import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// What jobs must have in common to travel in one frame.
struct Destination: Sendable {
    var queue: String
    var type: String
    var durability: Durability
    var options: SubmitOptions
}

extension Destination: Hashable {
    /// Options are rarely said and rarely differ: equality looks at them, they need not spread the hash.
    func hash(into hasher: inout Hasher) {
        hasher.combine(queue)
        hasher.combine(type)
    }
}

extension Destination {
    static let typeHeader = HTTPField.Name("Martlet-Type")
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")
    /// What goes from the request's headers to the job's, unless the job has its own.
    static let traceHeaders = ["traceparent", "tracestate"]

    /// - Throws: a `Problem` that says what is wrong.
    init(queue: String, type: String?, options: JobOptions) throws(Problem) {
        do {
            try Names.check(queue: queue)
            try Names.check(type: type ?? "default")
            self.init(
                queue: queue, type: type ?? "default",
                durability: options.durability == .memory ? .memory : .disk,
                options: try options.onTheWire())
        } catch {
            throw Problem(error)
        }
    }
}

extension JobOptions {
    /// Adds what the request's headers say of a single job.
    ///
    /// - Throws: a `Problem` when it has two unique keys.
    mutating func add(_ request: Request) throws(Problem) {
        for name in Destination.traceHeaders where headers[name] == nil {
            if let value = HTTPField.Name(name).flatMap({ request.headers[$0] }), !value.isEmpty {
                headers[name] = value
            }
        }
        guard let key = Destination.idempotencyKey.flatMap({ request.headers[$0] }) else { return }
        guard unique == nil else {
            throw .optionInvalid("Idempotency-Key is a unique key; the job has another one")
        }
        guard (1...Limits.uniqueKeyBytesMax).contains(key.utf8.count) else {
            throw .optionInvalid(
                "Idempotency-Key has \(key.utf8.count) bytes; it must have 1 to "
                    + "\(Limits.uniqueKeyBytesMax)")
        }
        unique = Unique(key, scope: .period(.seconds(24 * 3_600)), samePayload: true)
    }
}
