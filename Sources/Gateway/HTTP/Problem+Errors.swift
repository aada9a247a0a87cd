import HTTPTypes
import Hummingbird
import MartletClient
import MartletWire
import NIOCore

extension Problem {
    /// A refusal by the broker.
    init(_ error: WireError) {
        self.init(
            status: Self.status(of: error.code), code: error.code.name, detail: error.message,
            limit: error.limit == 0 ? nil : error.limit,
            actual: error.limit == 0 ? nil : error.actual,
            isRetryable: error.isRetryable)
        setRetryAfter(milliseconds: UInt64(error.retryAfterMilliseconds))
    }

    /// An error of the gateway's own client: a refusal that it passes on, or a broker that does not answer.
    init(_ error: MartletError) {
        let code = ErrorCode(rawValue: error.code.rawValue)
        let own = Self.ownErrors[error.code]
        self.init(
            status: own?.status ?? Self.status(of: code), code: own?.code ?? code.name,
            detail: error.message, limit: error.limit,
            actual: error.limit == nil ? nil : error.actual, holder: Self.holder(error),
            isRetryable: error.isRetryable || own.map { $0.code != "OUTCOME_UNKNOWN" } ?? false)
        setRetryAfter(milliseconds: error.retryAfter.map { UInt64($0 / .milliseconds(1)) } ?? 0)
    }

    /// The job whose unique key stands in the way.
    private static func holder(_ error: MartletError) -> JobStatus.ID? {
        guard error.code == .uniqueTaken || error.code == .uniqueMismatch else { return nil }
        return error.actual.map { JobStatus.ID(JobID(rawValue: $0)) }
    }

    /// Whatever a route threw.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as WireError: self.init(error)
        case let error as MartletError: self.init(error)
        case let error as HTTPError where error.status == .notFound: self = .noSuchRoute
        case let error as any HTTPResponseError:
            self.init(
                status: error.status, code: "HTTP_\(error.status.code)",
                detail: (error as? HTTPError)?.body ?? error.status.reasonPhrase)
        default:
            self.init(
                status: .internalServerError, code: ErrorCode.internal.name,
                detail: "a fault of the gateway; its log says more")
        }
    }

    /// Whoever may come back later is told when: a retryable refusal without an opinion gets a second.
    private mutating func setRetryAfter(milliseconds: UInt64) {
        guard isRetryable, status == .serviceUnavailable || milliseconds > 0 else { return }
        retryAfterSeconds = max(1, Int((milliseconds + 999) / 1_000))
    }

    private static func status(of code: ErrorCode) -> HTTPResponse.Status {
        statuses[code] ?? .internalServerError
    }

    private static let statuses: [ErrorCode: HTTPResponse.Status] = [
        .queueNameInvalid: .badRequest,
        .typeInvalid: .badRequest,
        .payloadEmpty: .badRequest,
        .optionInvalid: .badRequest,
        .invalidMessage: .badRequest,
        .payloadTooLarge: .contentTooLarge,
        .messageTooLarge: .contentTooLarge,
        .jobNotFound: .notFound,
        .queueNotFound: .notFound,
        .waitTimeout: .conflict,
        .tooManyQueues: .conflict,
        .cursorInvalid: .badRequest,
        .batchTooLarge: .contentTooLarge,
        .batchRefused: .conflict,
        .uniqueTaken: .conflict,
        .uniqueMismatch: .unprocessableContent,
        // What users made so, users can change: not the server's fault.
        .queueFull: .tooManyRequests,
        .queueDraining: .conflict,
        .jobFinished: .conflict,
        .jobState: .conflict,
        .queueNotEmpty: .conflict,
        .actionNotFound: .notFound,
        .tooManyActions: .tooManyRequests,
        .tooManyWatches: .tooManyRequests,
        .storeFull: .serviceUnavailable,
        .draining: .serviceUnavailable,
        .unavailable: .serviceUnavailable,
        .tooManyWaits: .serviceUnavailable,
        .tooManyUnfinished: .serviceUnavailable,
        // The broker refuses the gateway itself: not the caller's fault, and nothing that the caller can mend.
        .notAuthenticated: .badGateway,
    ]

    /// Found by the gateway's client, before or without an answer of the broker.
    private static let ownErrors: [MartletError.Code: (status: HTTPResponse.Status, code: String)] =
        [
            .cannotConnect: (.serviceUnavailable, ErrorCode.unavailable.name),
            .connectionLost: (.serviceUnavailable, ErrorCode.unavailable.name),
            .stopped: (.serviceUnavailable, ErrorCode.unavailable.name),
            .timeout: (.gatewayTimeout, "TIMEOUT"),
            .outcomeUnknown: (.gatewayTimeout, "OUTCOME_UNKNOWN"),
        ]
}

// Errors that HTTP has and the protocol has not.
extension Problem {
    static let noSuchRoute = Problem(
        status: .notFound, code: "NO_SUCH_ROUTE",
        detail: "nothing is here; jobs are at /v1/jobs/{id}, queues at /v1/queues")

    static let notAuthenticated = Problem(
        status: .unauthorized, code: ErrorCode.notAuthenticated.name,
        detail: "the bearer token is missing or not accepted")

    static func idInvalid(_ text: String) -> Problem {
        Problem(
            status: .notFound, code: "JOB_ID_INVALID",
            detail: "no job \(text.prefix(40)). Ids look like 0000000k5m2q")
    }

    static func optionInvalid(_ name: String, _ value: JSONValue, wanted: String) -> Problem {
        Problem(
            status: .badRequest, code: ErrorCode.optionInvalid.name,
            detail: "\(name) is \(value); it must be \(wanted)")
    }

    static func optionInvalid(_ sentence: String) -> Problem {
        Problem(
            status: .badRequest, code: ErrorCode.optionInvalid.name, detail: sentence)
    }

    static func optionUnknown(_ name: String, known: [String]) -> Problem {
        Problem(
            status: .badRequest, code: ErrorCode.optionInvalid.name,
            detail:
                "there is no option \(name.prefix(80)); there are \(known.joined(separator: ", "))")
    }

    static func bodyTooLarge(actual: Int, limit: Int) -> Problem {
        Problem(
            status: .contentTooLarge, code: "BODY_TOO_LARGE",
            detail:
                "the request's body has \(actual.grouped) bytes or more, the limit is \(limit.grouped); "
                + "send several requests",
            limit: UInt64(limit), actual: UInt64(actual))
    }

    static func tooManyJobs(limit: Int) -> Problem {
        Problem(
            status: .contentTooLarge, code: "TOO_MANY_JOBS",
            detail: "the request has more than \(limit.grouped) jobs; send several requests",
            limit: UInt64(limit), actual: UInt64(limit + 1))
    }

    static func notFinished(_ job: JobInfo) -> Problem {
        Problem(
            status: .conflict, code: "JOB_NOT_FINISHED",
            detail:
                "job \(job.id) is \(JobStatus.State(job.state).rawValue); wait for its result with ?wait=SECONDS",
            isRetryable: true, retryAfterSeconds: 1)
    }

    /// The job has ended, and not with a result.
    static func endedInFailure(_ job: JobInfo) -> Problem {
        let said = job.state == .cancelled ? job.cancel?.reason : job.error
        let reason = said.map { $0.isEmpty ? "" : ": \($0)" } ?? ""
        return Problem(
            status: job.state == .dead ? .unprocessableContent : .gone,
            code: "JOB_\(JobStatus.State(job.state).rawValue.uppercased())",
            detail: "job \(job.id) is \(JobStatus.State(job.state).rawValue)\(reason)")
    }
}
