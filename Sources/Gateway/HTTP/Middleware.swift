import HTTPTypes
import Hummingbird
import Logging
import MartletWire
import NIOCore

/// Gives every error the one form that it has in this interface.
struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = Problem(error)
            if problem.status == .internalServerError, !isDisconnect(error) {
                context.logger.error("A request failed", metadata: ["error": "\(error)"])
            }
            return problem.response
        }
    }
}

/// Whether whoever asked is gone: nobody's fault.
private func isDisconnect(_ error: any Error) -> Bool {
    error is CancellationError || error is ChannelError || error is IOError
}

/// Asks for a bearer token in front of everything but the health checks.
struct TokenMiddleware<Context: RequestContext>: RouterMiddleware {
    let tokens: AccessTokens

    func handle(
        _ request: Request, context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard tokens.accept(presentedToken(request).utf8) else { throw Problem.notAuthenticated }
        return try await next(request, context)
    }

    private func presentedToken(_ request: Request) -> Substring {
        let scheme = "bearer "
        guard let value = request.headers[.authorization], value.lowercased().hasPrefix(scheme)
        else {
            return ""
        }
        return value.dropFirst(scheme.count)
    }
}
