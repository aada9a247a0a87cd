import Foundation
public import MartletClient
public import NIOCore

/// What is done with jobs of one type.
public struct Handler: Sendable {
    /// nil: whatever no other handler takes.
    let type: String?
    /// Where jobs of its type are pushed unless a call says otherwise; nil when only their type's
    /// name is known.
    package let queue: String?
    let run: @Sendable (ByteBuffer, JobContext) async throws -> ByteBuffer

    init(
        type: String?, queue: String? = nil,
        run: @escaping @Sendable (ByteBuffer, JobContext) async throws -> ByteBuffer
    ) {
        self.type = type
        self.queue = queue
        self.run = run
    }

    /// Takes jobs of a type that the program knows: parameters are decoded, the output is encoded.
    public init<J: Job>(
        _ job: J.Type,
        _ body: @escaping @Sendable (_ job: J, JobContext) async throws -> J.Output
    ) {
        self.init(type: J.type, queue: J.queue) { payload, context in
            let job = try J.decoded(from: Data(payload.readableBytesView))
            let result = try J.encode(await body(job, context))
            return result.map { ByteBuffer(bytes: $0) } ?? ByteBuffer()
        }
    }

    /// Takes the bytes of jobs of this type as they were submitted, and returns those of the
    /// result; an empty buffer when there is nothing to say.
    public init(
        _ type: String,
        _ body: @escaping @Sendable (_ payload: ByteBuffer, JobContext) async throws -> ByteBuffer
    ) {
        self.init(type: type, run: body)
    }

    /// Takes every job whose type has no handler of its own; ``JobContext/type`` tells which it is.
    public static func anyType(
        _ body: @escaping @Sendable (_ payload: ByteBuffer, JobContext) async throws -> ByteBuffer
    ) -> Handler {
        Handler(type: nil, run: body)
    }
}

/// Lists handlers one below the other.
@resultBuilder
public enum HandlerBuilder {
    public static func buildExpression(_ handler: Handler) -> [Handler] { [handler] }
    public static func buildExpression(_ handlers: [Handler]) -> [Handler] { handlers }
    public static func buildBlock(_ parts: [Handler]...) -> [Handler] { parts.flatMap(\.self) }
    public static func buildOptional(_ part: [Handler]?) -> [Handler] { part ?? [] }
    public static func buildEither(first part: [Handler]) -> [Handler] { part }
    public static func buildEither(second part: [Handler]) -> [Handler] { part }
    public static func buildArray(_ parts: [[Handler]]) -> [Handler] { parts.flatMap(\.self) }
}

/// Handlers by the type of job that they take.
struct HandlerTable: Sendable {
    private let byType: [String: Handler]
    private let forAnyType: Handler?

    /// - Precondition: no two handlers take the same.
    init(_ handlers: [Handler]) {
        var byType: [String: Handler] = [:]
        var forAnyType: Handler?
        for handler in handlers {
            if let type = handler.type {
                precondition(byType[type] == nil, "two handlers for jobs of type \(type)")
                byType[type] = handler
            } else {
                precondition(forAnyType == nil, "two handlers for jobs of any type")
                forAnyType = handler
            }
        }
        self.byType = byType
        self.forAnyType = forAnyType
    }

    subscript(type: String) -> Handler? { byType[type] ?? forAnyType }
}
