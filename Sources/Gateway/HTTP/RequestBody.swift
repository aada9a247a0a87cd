import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
    /// What the body's length is said to be.
    var contentLength: Int? { headers[.contentLength].flatMap { Int($0) } }

    /// Bytes of a body that only says what is to be done.
    static var instructionBytesMax: Int { 64 << 10 }

    /// The members of the JSON object that the body is; none when there is no body.
    func options(known: [String]) async throws -> RequestOptions {
        try RequestOptions(try await instruction(isRequired: false).members, known: known)
    }

    /// The members of the JSON object that the body must be, without those that are `null`.
    func settings(known: [String]) async throws -> RequestOptions {
        let body = try await instruction(isRequired: true)
        return try RequestOptions(body.members, known: known, ignoresNull: true)
    }

    private func instruction(isRequired: Bool) async throws -> JSONBody {
        let limit = Self.instructionBytesMax
        var bytes = ByteBuffer()
        for try await part in body {
            bytes.writeImmutableBuffer(part)
            if bytes.readableBytes > limit {
                throw Problem.bodyTooLarge(actual: bytes.readableBytes, limit: limit)
            }
        }
        if bytes.readableBytes == 0, !isRequired { bytes.writeString("{}") }
        return try JSONBody(bytes)
    }

    /// The whole body, within the memory that all bodies may take together. `body` is called while it
    /// is taken.
    func withBody<Result>(
        bytesMax: Int, budget: UploadBudget, tooLarge: (Int) -> any Error,
        _ use: (ByteBuffer) async throws -> Result
    ) async throws -> Result {
        if let length = contentLength, length > bytesMax { throw tooLarge(length) }
        var taken = contentLength ?? 0
        try budget.take(taken)
        defer { budget.release(taken) }
        var bytes = ByteBuffer()
        for try await part in body {
            bytes.writeImmutableBuffer(part)
            if bytes.readableBytes > bytesMax { throw tooLarge(bytes.readableBytes) }
            guard bytes.readableBytes > taken else { continue }
            try budget.take(part.readableBytes)
            taken += part.readableBytes
        }
        return try await use(bytes)
    }
}
