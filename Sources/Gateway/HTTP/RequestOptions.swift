import HTTPTypes
import Hummingbird
import MartletWire
import NIOCore

/// The part of a request that is not its body: query parameters, each checked, none ignored.
struct RequestOptions {
    private var values: [String: String] = [:]

    /// - Throws: a `Problem` when a parameter is not one of `known`: a misspelt option that did
    ///   nothing would be found too late.
    init(_ request: Request, known: [String]) throws(Problem) {
        for (name, value) in request.uri.queryParameters {
            guard known.contains(String(name)) else {
                throw .optionUnknown(String(name), known: known)
            }
            values[String(name)] = String(value)
        }
    }

    subscript(name: String) -> String? { values[name] }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = values[name] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw .optionInvalid(
                name, text,
                wanted: "a number from \(range.lowerBound.grouped) to \(range.upperBound.grouped)")
        }
        return value
    }

    /// A time in seconds, decimals allowed; returned in milliseconds.
    func milliseconds(_ name: String, in range: ClosedRange<UInt64>) throws(Problem) -> UInt64? {
        guard let text = values[name] else { return nil }
        guard let seconds = Double(text), seconds.isFinite, seconds >= 0, seconds <= 1e12,
            range.contains(UInt64(seconds * 1_000))
        else {
            let bounds = (Double(range.lowerBound) / 1_000, Double(range.upperBound) / 1_000)
            throw .optionInvalid(name, text, wanted: "seconds, from \(bounds.0) to \(bounds.1)")
        }
        return UInt64(seconds * 1_000)
    }
}

extension Destination {
    static let queryOptions = [
        "type", "durability", "max_attempts", "backoff_base", "backoff_cap", "retain_completed",
        "retain_dead",
    ]

    static let typeHeader = HTTPField.Name("Martlet-Type")

    /// Reads queue, type and options of a submission.
    ///
    /// - Throws: `Problem` or `WireError`, each of which says what is wrong.
    init(_ request: Request, queue: String) throws {
        let query = try RequestOptions(request, known: Self.queryOptions)
        let header = Self.typeHeader.flatMap { request.headers[$0] }
        let type = query["type"] ?? header ?? "default"
        try Names.check(queue: queue)
        try Names.check(type: type)
        self.init(
            queue: queue, type: type, durability: try Self.durability(query),
            options: try SubmitOptions(query))
    }

    private static func durability(_ query: RequestOptions) throws(Problem) -> Durability {
        switch query["durability"] {
        case nil, "disk": return .disk
        case "memory": return .memory
        case .some(let other):
            throw .optionInvalid("durability", other, wanted: "disk or memory")
        }
    }
}

extension SubmitOptions {
    fileprivate init(_ query: RequestOptions) throws(Problem) {
        self.init()
        self.maxAttempts = try query.integer("max_attempts", in: 1...Int(Limits.maxAttemptsMax)).map
        {
            UInt16($0)
        }
        let retention = 0...Limits.retainMillisecondsMax
        self.retainCompletedMilliseconds = try query.milliseconds("retain_completed", in: retention)
        self.retainDeadMilliseconds = try query.milliseconds("retain_dead", in: retention)
        let delays = 1...UInt64(Limits.backoffMillisecondsMax)
        let base = try query.milliseconds("backoff_base", in: delays)
        let cap = try query.milliseconds("backoff_cap", in: delays)
        guard base != nil || cap != nil else { return }
        self.backoff = Backoff(
            baseMilliseconds: base.map { UInt32($0) } ?? Limits.backoffBaseMillisecondsDefault,
            capMilliseconds: cap.map { UInt32($0) } ?? Limits.backoffCapMillisecondsDefault)
    }
}
