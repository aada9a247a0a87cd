import Foundation
import MartletClient
import MartletWire
import NIOCore

/// Hands over payloads, and prints ids as soon as the server has the jobs.
struct Submission: Sendable {
    let client: MartletClient
    let queue: String
    let type: String
    let options: JobOptions
    let output: Output
    /// Where jobs go whose results are printed in place of their ids.
    let expected = ExpectedJobs()

    /// Submits the input as one job.
    func submitWhole(_ input: PayloadInput) async throws {
        let job = try await client.push(
            payload: try await input.whole(limit: payloadBytesMax), type: type, queue: queue,
            options: options)
        await accept([job])
    }

    /// Submits each line as a job, in batches as they come.
    ///
    /// - Throws: why a line was refused, after the batch that it was in.
    func submitLines(of input: PayloadInput) async throws {
        var before = 0
        try await input.forEachBatchOfLines(limit: payloadBytesMax) { payloads in
            let results = try await client.push(
                eachOf: payloads, type: type, queue: queue, options: options)
            await accept(results.compactMap { try? $0.get() })
            try check(results, before: before)
            before += payloads.count
        }
    }

    /// Submits each line as a job, all or none.
    func submitAllLines(of input: PayloadInput) async throws {
        var all: [ByteBuffer] = []
        try await input.forEachBatchOfLines(limit: payloadBytesMax) { payloads in
            all += payloads
            guard all.count <= Limits.batchMax else {
                throw CommandFailure(
                    .failed,
                    "--atomic takes at most \(Quantity.grouped(Limits.batchMax)) lines; nothing was submitted."
                )
            }
        }
        guard !all.isEmpty else { return }
        await accept(
            try await client.push(payloads: all, type: type, queue: queue, options: options))
    }

    private var payloadBytesMax: Int {
        get async throws { Int(try await client.serverLimits().payloadBytesMax) }
    }

    private func accept(_ jobs: [JobHandle<Data>]) async {
        switch output {
        case .ids: write(jobs.map(\.id.description))
        case .objects: write(jobs.map { json($0) })
        case .results: await expected.add(jobs.map(\.id))
        }
    }

    /// - Parameter before: lines in earlier batches.
    private func check(
        _ results: [Result<JobHandle<Data>, MartletError>], before: Int
    ) throws(CommandFailure) {
        var refused = 0
        var first: (line: Int, error: MartletError)?
        for (index, result) in results.enumerated() {
            guard case .failure(let error) = result else { continue }
            refused += 1
            first = first ?? (before + index + 1, error)
        }
        guard let first else { return }
        let failure = CommandFailure(first.error)
        let others =
            refused == 1 ? "" : " So were \(Quantity.grouped(refused - 1)) of the lines after it."
        throw CommandFailure(
            failure.status,
            "line \(Quantity.grouped(first.line)) was refused: \(failure.message ?? "").\(others)")
    }

    private func write(_ lines: [String]) {
        StandardOutput.write(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    private func json(_ job: JobHandle<Data>) -> String {
        let isDelayed = options.delay != nil || options.runAt.map { $0 > .now } ?? false
        return SubmissionJSON(
            id: job.id, queue: queue, type: type,
            state: job.wasDuplicate ? nil : isDelayed ? .scheduled : .ready,
            wasDuplicate: job.wasDuplicate, durability: job.durability ?? .disk
        ).object.text
    }

    /// What is printed for each job.
    enum Output {
        case ids, objects, results
    }
}
