import HTTPTypes
import Hummingbird

/// Which methods each path has, so that a wrong one is told from a wrong path.
struct KnownPaths: Sendable {
    private struct Path: Sendable {
        /// The parts between slashes; `nil`: any.
        let parts: [Substring?]
        var methods: [HTTPRequest.Method]
    }

    private var paths: [Path] = []

    /// - Parameter routes: those with `GET` have `HEAD` too.
    init<Context>(_ routes: [Router<Context>.RouteDescription]) {
        for route in routes {
            let parts = "\(route.path)".split(separator: "/").map { part in
                part.hasPrefix("{") ? nil : part
            }
            let methods = route.method == .get ? [.get, .head] : [route.method]
            if let index = paths.firstIndex(where: { $0.parts == parts }) {
                paths[index].methods += methods
            } else {
                paths.append(Path(parts: parts, methods: methods))
            }
        }
    }

    /// - Throws: a `Problem` when the path is known and does not have the method.
    func check(_ method: HTTPRequest.Method, _ path: String) throws(Problem) {
        let parts = path.split(separator: "/")
        let known = paths.first { known in
            known.parts.count == parts.count
                && zip(known.parts, parts).allSatisfy { $0 == nil || $0 == $1 }
        }
        guard let known, !known.methods.contains(method) else { return }
        throw .methodNotAllowed(method, allowed: known.methods)
    }
}

/// Answers a wrong method before the router takes it for a wrong path.
struct MethodResponder<Base: HTTPResponder>: HTTPResponder {
    let base: Base
    let paths: KnownPaths

    @concurrent
    func respond(to request: Request, context: Base.Context) async throws -> Response {
        do {
            try paths.check(request.method, request.uri.path)
        } catch {
            return error.response
        }
        return try await base.respond(to: request, context: context)
    }
}

extension Problem {
    fileprivate static func methodNotAllowed(
        _ method: HTTPRequest.Method, allowed: [HTTPRequest.Method]
    ) -> Problem {
        let methods = allowed.map(\.rawValue)
        return Problem(
            status: .methodNotAllowed, code: "METHOD_NOT_ALLOWED",
            detail: "\(method.rawValue.prefix(20)) is not for this path; it has "
                + methods.joined(separator: " and "),
            allowedMethods: methods)
    }
}
