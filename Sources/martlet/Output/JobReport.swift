import Foundation
import MartletClient
import MartletWire
import NIOCore

/// A job as the command line shows it.
enum JobReport {
    /// Writes a JSON line, or a line for each thing known, under the same names.
    static func write(_ info: JobInfo, json: Bool) {
        let job = JobStatus(info)
        if json { return StandardOutput.write(line: JobJSON(job).object.text) }
        Fields.write(fields(of: job))
    }

    private static func fields(of job: JobStatus) -> [(String, String?)] {
        let error = job.error.map { error in job.errorClass.map { "\($0): \(error)" } ?? error }
        let headers = job.headers.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
        return [
            ("id", job.id.description), ("queue", job.queue), ("type", job.type),
            ("state", job.state.rawValue), ("attempts", "\(job.attempts)"),
            ("failures", "\(job.failures) of \(job.maxAttempts)"), ("crashes", "\(job.crashes)"),
            ("interruptions", "\(job.interruptions)"), ("priority", "\(job.priority)"),
            ("tags", job.tags.isEmpty ? nil : job.tags.joined(separator: " ")),
            ("headers", headers.isEmpty ? nil : headers.joined(separator: "  ")),
            ("unique", job.unique?.text), ("timeout", job.timeout.map { Quantity.time($0) }),
            ("payload_bytes", Quantity.grouped(job.payloadBytes)),
            ("created_at", job.createdAt.rfc3339), ("due_at", job.dueAt?.rfc3339),
            ("started_at", job.startedAt?.rfc3339), ("finished_at", job.finishedAt?.rfc3339),
            ("expires_at", job.expiresAt?.rfc3339), ("vanishes_at", job.vanishesAt?.rfc3339),
            ("progress", job.progress?.text),
            ("checkpoint_bytes", job.checkpointBytes.map { Quantity.grouped($0) }),
            ("log_lines", job.logLines.map { Quantity.grouped($0.next - $0.first) }),
            ("error", error), ("fingerprint", job.fingerprint.map { Hexadecimal.text($0) }),
            ("cancellation", job.cancellation?.text), ("retries", job.retries?.text),
            ("worker", job.worker), ("session", job.session.map { Hexadecimal.text($0) }),
            ("lease_ends_at", job.leaseEndsAt?.rfc3339), ("error_stack", job.errorStack),
        ]
    }
}

extension JobStatus.Unique {
    fileprivate var text: String {
        guard isHeld else { return "\(key)  \(scope.rawValue), released" }
        return "\(key)  \(scope.rawValue), held" + (until.map { " until \($0.rfc3339)" } ?? "")
    }
}

extension JobStatus.Cancellation {
    fileprivate var text: String {
        "asked for at \(requestedAt.rfc3339)" + (reason.isEmpty ? "" : ": \(reason)")
    }
}

extension JobStatus.Retries {
    fileprivate var text: String {
        "\(count), last at \(lastAt.rfc3339) when \(stateBefore.rawValue)"
    }
}

/// Jobs in columns.
struct JobTable {
    private let kind: Kind
    private var table: Table

    /// What the jobs have in common.
    enum Kind {
        case any, dead
    }

    init(_ kind: Kind) {
        self.kind = kind
        let last: [Table.Column] =
            switch kind {
            case .any: [.text("STATE"), .number("ATTEMPTS"), .text("CREATED"), .text("ERROR")]
            case .dead: [.number("ATTEMPTS"), .text("DIED"), .text("ERROR")]
            }
        table = Table([.text("ID"), .text("QUEUE"), .text("TYPE")] + last)
    }

    mutating func add(_ info: JobInfo) {
        let job = JobStatus(info)
        let error = job.error?.split(separator: "\n").first.map { String($0.prefix(60)) } ?? ""
        let last =
            switch kind {
            case .any: [job.state.rawValue, "\(job.attempts)", job.createdAt.rfc3339, error]
            case .dead: ["\(job.attempts)", job.finishedAt?.rfc3339 ?? "–", error]
            }
        table.add([job.id.description, job.queue, job.type] + last)
    }

    func write() { table.write() }
}

extension Date {
    /// RFC 3339 in UTC, with milliseconds, as JSON has it.
    var rfc3339: String { RFC3339.text(self) }
}

extension JobInfo {
    /// How a finished job failed its submitter; `nil` when it is completed or not finished.
    var failure: CommandFailure? {
        switch state {
        case .dead: CommandFailure(.jobFailed, "job \(id) failed: \(error ?? "no reason given").")
        case .cancelled: CommandFailure(.jobFailed, "job \(id) was cancelled\(reason).")
        case .expired: CommandFailure(.jobFailed, "job \(id) expired before a worker took it.")
        default: nil
        }
    }

    private var reason: String {
        guard let reason = cancel?.reason, !reason.isEmpty else { return "" }
        return ": \(reason)"
    }
}

extension MartletClient {
    /// A finished job's result, unpacked; no bytes when there is none.
    func resultBytes(of info: JobInfo) async throws(MartletError) -> [UInt8] {
        guard let result = info.result else { return [] }
        return Array(try await unpack(result).readableBytesView)
    }
}
