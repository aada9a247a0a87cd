public import Foundation

/// A kind of job: its parameters, where it is queued, and what comes out of it.
///
/// ```swift
/// struct Thumbnail: Job {
///     static let type = "thumbnail"
///     static let queue = "images"
///     typealias Output = Data
///     var source: URL
///     var width: Int
/// }
/// ```
///
/// The parameters travel as JSON, the same parameters always as the same bytes. So does the output,
/// but for three types: `Data` and `String` travel as their bytes, so that programs in any language
/// can make and read them, and `Void`, which is the output unless another is named, as nothing at
/// all.
public protocol Job: Codable, Sendable {
    /// What the job's handler calls for when it is done: `Void`, `Data`, `String`, or any `Codable`
    /// type.
    associatedtype Output: Sendable = Void

    /// The name by which a worker finds the handler: 1 to 128 bytes of printable UTF-8 without
    /// spaces.
    static var type: String { get }
    /// The queue it is pushed to unless the call names another; `default` unless this is declared.
    static var queue: String { get }
    /// The options it is pushed with unless the call names others.
    static var options: JobOptions { get }

    /// The output as the bytes of a result; none when there is nothing to say.
    static func encode(_ output: Output) throws -> Data?
    /// The output from the bytes of a result; nil when the job was completed without one.
    static func decode(result: Data?) throws -> Output
}

extension Job {
    public static var queue: String { "default" }
    public static var options: JobOptions { JobOptions() }
}

// `Output` by name in all of these: from a concrete type the compiler would infer what `Output` is,
// and find four answers.
extension Job where Output == Void {
    public static func encode(_ output: Output) -> Data? { nil }
    public static func decode(result: Data?) -> Output { () }
}

extension Job where Output == Data {
    public static func encode(_ output: Output) -> Data? { output.isEmpty ? nil : output }
    public static func decode(result: Data?) -> Output { result ?? Data() }
}

extension Job where Output == String {
    public static func encode(_ output: Output) -> Data? {
        output.isEmpty ? nil : Data(output.utf8)
    }

    public static func decode(result: Data?) throws -> Output {
        guard let text = String(validating: result ?? Data(), as: UTF8.self) else {
            throw MartletError(.codingFailed, "the job's result is not UTF-8")
        }
        return text
    }
}

extension Job where Output: Codable {
    public static func encode(_ output: Output) throws -> Data? {
        try JobCoding.encode(output)
    }

    public static func decode(result: Data?) throws -> Output {
        guard let result else {
            throw MartletError(
                .codingFailed,
                "the job was completed without a result; its type promises \(Output.self)")
        }
        return try JobCoding.decode(Output.self, from: result)
    }
}

extension Job {
    /// The parameters as the bytes of a payload.
    package func encoded() throws -> Data {
        try JobCoding.encode(self)
    }

    /// The parameters from the bytes of a payload.
    package static func decoded(from payload: Data) throws -> Self {
        try JobCoding.decode(Self.self, from: payload)
    }
}

/// JSON as the other languages' clients read and write it: dates as RFC 3339, slashes as they are,
/// and members in the order of their names, so that the same parameters are always the same
/// payload.
private enum JobCoding {
    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return try encoder.encode(value)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(type, from: data)
    }
}
