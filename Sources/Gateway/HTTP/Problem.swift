import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// What went wrong, as RFC 9457 has it: `application/problem+json`.
struct Problem: Error, Equatable {
    var status: HTTPResponse.Status
    /// The protocol's name of the error, or one of `Code`'s.
    var code: String
    /// A sentence for people: what happened, the limit, what to try.
    var detail: String
    /// The limit that was broken and the value that broke it.
    var limit: UInt64?
    var actual: UInt64?
    /// The job that holds the unique key.
    var holder: JobStatus.ID?
    /// Of an atomic request: the line that was refused, from 1.
    var line: Int?
    /// The same request may succeed later.
    var isRetryable = false
    /// When to try again, in whole seconds.
    var retryAfterSeconds: Int?
    /// What a path has, when it was asked with another method.
    var allowedMethods: [String] = []

    static let contentType = "application/problem+json"

    /// As one line of JSON. The type is a name, not a page: `code` is what a program looks at.
    var object: JSONObject {
        var object = JSONObject()
        object.set("type", "urn:martlet:error:\(code)")
        object.set("title", title)
        object.set("status", status.code)
        object.set("detail", detail)
        object.set("code", code)
        if let limit { object.set("limit", limit) }
        if let actual { object.set("actual", actual) }
        if let holder { object.set("holder", holder.description) }
        if let line { object.set("line", line) }
        object.set("retryable", isRetryable)
        return object
    }

    /// The code in words: the same for every occurrence, as the RFC asks.
    private var title: String {
        let words = code.lowercased().replacing("_", with: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    var response: Response {
        var headers = HTTPFields()
        headers[.contentType] = Self.contentType
        headers[.cacheControl] = "no-store"
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        if !allowedMethods.isEmpty { headers[.allow] = allowedMethods.joined(separator: ", ") }
        if let retryAfterSeconds { headers[.retryAfter] = "\(retryAfterSeconds)" }
        return Response(
            status: status, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: object.text + "\n")))
    }
}
