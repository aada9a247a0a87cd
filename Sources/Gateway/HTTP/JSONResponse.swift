import HTTPTypes
import Hummingbird
import MartletClient
import NIOCore

extension Response {
    static func json(
        _ object: JSONObject, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        lines([object], type: "application/json", status: status, headers: headers)
    }

    /// One object a line.
    static func lines(
        _ objects: [JSONObject], type: String = "application/x-ndjson",
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        var body = ByteBuffer()
        for object in objects { body.writeString(object.text + "\n") }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
