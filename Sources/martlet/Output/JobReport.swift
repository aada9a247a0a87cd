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
        let fields = fields(of: job)
        let width = fields.reduce(0) { max($0, $1.0.count) }
        for (name, value) in fields {
            let padding = String(repeating: " ", count: width - name.count)
            StandardOutput.write(
                line: Terminal.output.styled(name + padding, .dim) + "  " + value)
        }
    }

    private static func fields(of job: JobStatus) -> [(String, String)] {
        let progress = job.progress.map { "\(Int($0.fraction * 100))%  \($0.message)" }
        let all: [(String, String?)] = [
            ("id", job.id.description), ("queue", job.queue), ("type", job.type),
            ("state", job.state.rawValue), ("attempts", "\(job.attempts)"),
            ("failures", "\(job.failures) of \(job.maxAttempts)"), ("crashes", "\(job.crashes)"),
            ("interruptions", "\(job.interruptions)"),
            ("payload_bytes", Quantity.grouped(job.payloadBytes)),
            ("created_at", job.createdAt.rfc3339), ("due_at", job.dueAt?.rfc3339),
            ("started_at", job.startedAt?.rfc3339), ("finished_at", job.finishedAt?.rfc3339),
            ("progress", progress), ("error", job.error),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }
}

/// Jobs in columns.
struct JobTable {
    private var table = Table([
        .text("ID"), .text("QUEUE"), .text("TYPE"), .text("STATE"), .number("ATTEMPTS"),
        .text("CREATED"), .text("ERROR"),
    ])

    mutating func add(_ info: JobInfo) {
        let job = JobStatus(info)
        let error = job.error.map {
            $0.split(separator: "\n").first.map { String($0.prefix(60)) } ?? ""
        }
        table.add([
            job.id.description, job.queue, job.type, job.state.rawValue, "\(job.attempts)",
            job.createdAt.rfc3339, error ?? "",
        ])
    }

    func write() { table.write() }
}

extension Date {
    /// RFC 3339 in UTC, with milliseconds.
    var rfc3339: String {
        formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}

extension JobInfo {
    /// How a finished job failed its submitter; `nil` when it is completed or not finished.
    var failure: CommandFailure? {
        switch state {
        case .dead: CommandFailure(.jobFailed, "job \(id) failed: \(error ?? "no reason given").")
        case .cancelled: CommandFailure(.jobFailed, "job \(id) was cancelled.")
        case .expired: CommandFailure(.jobFailed, "job \(id) expired before a worker took it.")
        default: nil
        }
    }
}

extension MartletClient {
    /// A finished job's result, unpacked; no bytes when there is none.
    func resultBytes(of info: JobInfo) async throws(MartletError) -> [UInt8] {
        guard let result = info.result else { return [] }
        return Array(try await unpack(result).readableBytesView)
    }
}
