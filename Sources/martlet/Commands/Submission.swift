import MartletClient
import MartletWire
import NIOCore

/// Hands over batches of payloads, and prints ids as soon as the server has the jobs.
struct Submission: Sendable {
    let client: MartletClient
    let queue: String
    let type: String
    let options: JobOptions
    let output: Output
    /// Where jobs go whose results are printed in place of their ids.
    let expected = ExpectedJobs()

    /// Submits the input as one job, or each of its lines.
    func submit(_ input: PayloadInput, lines: Bool) async throws {
        let limit = Int(try await client.serverLimits().payloadBytesMax)
        if lines {
            try await input.forEachBatchOfLines(limit: limit) { try await submit($0) }
        } else {
            try await submit([try await input.whole(limit: limit)])
        }
    }

    private func submit(_ payloads: [ByteBuffer]) async throws {
        let jobs = try await client.push(
            payloads: payloads, type: type, queue: queue, options: options)
        switch output {
        case .ids: write(jobs.map(\.id.description))
        case .objects: write(jobs.map { json($0.id) })
        case .results: await expected.add(jobs.map(\.id))
        }
    }

    private func write(_ lines: [String]) {
        StandardOutput.write(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    private func json(_ id: JobStatus.ID) -> String {
        SubmissionJSON(id: id, queue: queue, type: type).object.text
    }

    /// What is printed for each job.
    enum Output {
        case ids, objects, results
    }
}
