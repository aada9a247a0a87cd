import Foundation
import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

/// Looking for jobs, page by page.
struct JobListRoutes<Context: RequestContext>: Sendable {
    let server: any JobServer

    func add(to router: some RouterMethods<Context>) {
        router.get("v1/jobs", use: jobs)
        router.get("v1/dead/groups", use: groups)
    }

    private static var pageDefault: UInt16 { 50 }

    /// `GET /v1/jobs`: those that match, newest first unless asked otherwise, or how many match.
    private func jobs(_ request: Request, context: Context) async throws -> Response {
        let query = try RequestOptions(
            request, known: JobQuery.names + ["order", "limit", "cursor", "count", "fresh"])
        let order = try query.choice("order", ["newest": true, "oldest": false])
        let limit = try query.integer("limit", in: 1...Int(Limits.listLimitMax))
        var list = try JobQuery(query).list(
            newestFirst: order ?? true, limit: limit.map { UInt16($0) } ?? Self.pageDefault)
        list.cursor = try query.cursor()
        list.isCount = try query.flag("count")
        list.isFresh = try query.flag("fresh")
        let page = try await server.page(of: list)
        var object = JSONObject()
        object.set("as_of", Date(timeIntervalSince1970: Double(page.asOf) / 1_000))
        object.set("count", page.matched)
        object.set("jobs", page.jobs.map { JobJSON(JobStatus($0)).object })
        object.set("next", page.cursor.asCursor)
        return .json(object)
    }

    /// `GET /v1/dead/groups`: what dead jobs died of.
    private func groups(_ request: Request, context: Context) async throws -> Response {
        let query = try RequestOptions(request, known: ["queue", "limit", "cursor"])
        let limit = try query.integer("limit", in: 1...Int(Limits.groupLimitMax))
        let page = try await server.page(
            of: Groups(
                queue: try query.queue() ?? "",
                limit: limit.map { UInt16($0) } ?? Self.pageDefault, cursor: try query.cursor()))
        var object = JSONObject()
        object.set("as_of", Date(timeIntervalSince1970: Double(page.asOf) / 1_000))
        object.set("groups", page.groups.map { DeadGroupJSON(DeadGroup($0)).object })
        object.set("next", page.cursor.asCursor)
        return .json(object)
    }
}

extension JobQuery {
    /// Filters, as in a query and as members of an object.
    static let names = [
        "queue", "state", "type", "tag", "unique", "id", "error", "worker", "since", "until",
    ]

    init(_ options: RequestOptions) throws(Problem) {
        self.init(
            queue: try options.queue(),
            states: try options.states(),
            type: try options.word("type", bytesMax: Limits.typeBytesMax),
            tag: try options.word("tag", bytesMax: Limits.tagBytesMax),
            uniqueKey: try options.word("unique", bytesMax: Limits.uniqueKeyBytesMax),
            ids: try options.idPrefix(),
            fingerprint: try options.hexadecimal("error"),
            since: try options.instant("since"),
            until: try options.instant("until"))
        if let worker = try options.word("worker", bytesMax: Limits.workerBytesMax) {
            setWorker(worker)
        }
    }
}

extension RequestOptions {
    func queue() throws(Problem) -> String? {
        guard let name = try text("queue") else { return nil }
        do {
            try Names.check(queue: name)
            return name
        } catch {
            throw Problem(error)
        }
    }

    /// One or several; in a query also with commas between them.
    func states() throws(Problem) -> Set<JobStatus.State> {
        var states: Set<JobStatus.State> = []
        for word in try texts("state").flatMap({ $0.split(separator: ",") }) {
            guard let state = JobStatus.State(rawValue: String(word)) else {
                let names = JobStatus.State.allCases.map(\.rawValue)
                throw invalid("state", names.joined(separator: ", "))
            }
            states.insert(state)
        }
        return states
    }

    func word(_ name: String, bytesMax: Int) throws(Problem) -> String? {
        guard let text = try text(name) else { return nil }
        guard (1...bytesMax).contains(text.utf8.count) else {
            throw invalid(name, "a text of 1 to \(bytesMax) bytes")
        }
        return text
    }

    fileprivate func idPrefix() throws(Problem) -> ClosedRange<JobStatus.ID>? {
        guard let text = try text("id") else { return nil }
        guard let ids = JobQuery.idPrefix(text) else {
            throw invalid("id", "an id or its beginning, such as 0000000k5m2q or 0000000k")
        }
        return ids
    }

    /// Where to go on: base 64 as in URLs.
    fileprivate func cursor() throws(Problem) -> [UInt8] {
        guard let text = try text("cursor") else { return [] }
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: plain + padding), data.count <= Int(UInt8.max) else {
            throw Problem(
                status: .badRequest, code: ErrorCode.cursorInvalid.name,
                detail: "the cursor is none; take the one that the page before calls next")
        }
        return Array(data)
    }
}

extension [UInt8] {
    /// As text for a URL; nil for the last page, which has none.
    fileprivate var asCursor: String? {
        guard !isEmpty else { return nil }
        let text = Data(self).base64EncodedString()
        return text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
