import Foundation
import Logging
import MartletClient
import MartletWire
import NIOCore

/// Submits the files, kills a worker midway, compares every result.
struct DemoRun: Sendable {
    let files: DemoFiles
    let cluster: DemoCluster

    /// Files in flight together: small enough to be moving from the start, large enough for few
    /// round trips.
    private static let batchFiles = 256
    private static let batchBytes = 4 << 20
    private static let concurrentWaits = 512
    /// A result that has not come by then is lost.
    private static let patience = Duration.seconds(300)

    /// - Returns: whether every file has the right result.
    func run() async throws -> Bool {
        var configuration = MartletClient.Configuration()
        configuration.name = "martlet-demo/\(Martlet.version)"
        return try await MartletClient.with(
            cluster.gateway, configuration: configuration,
            logger: Logger(label: "demo") { _ in SwiftLogNoOpLogHandler() }
        ) { client in
            var report = DemoReport(files: files)
            report.begin()
            let jobs = try await submit(with: client, &report)
            report.submitted()
            let results = try await results(of: jobs, with: client, &report)
            report.completed()
            let expected = try await LocalHashes.compute(files.paths)
            report.compared(zip(results, expected).count { $0 == $1 })
            return report.end()
        }
    }

    private func submit(
        with client: MartletClient, _ report: inout DemoReport
    ) async throws -> [JobStatus.ID] {
        var jobs: [JobStatus.ID] = []
        let limit = Int(try await client.serverLimits().payloadBytesMax)
        var batch = Submit(queue: DemoCluster.queue, type: "sha256", items: [])
        var batchBytes = 0
        for (index, path) in files.paths.enumerated() {
            let bytes = try Data(contentsOf: URL(filePath: path))
            let payload = try client.packer.pack(ByteBuffer(bytes: bytes), limit: limit)
            report.rawBytes += bytes.count
            report.carriedBytes += payload.bytes.readableBytes
            batchBytes += payload.bytes.readableBytes
            batch.items.append(SubmitItem(payload: payload))
            let isLast = index == files.paths.count - 1
            if isLast || batch.items.count == Self.batchFiles || batchBytes >= Self.batchBytes {
                jobs += try await client.submit(batch).map { try $0.get() }
                batch.items.removeAll(keepingCapacity: true)
                batchBytes = 0
                report.show(submitted: jobs.count)
            }
        }
        return jobs
    }

    /// The hashes that the workers found, in the order of the files; empty where there is none.
    private func results(
        of jobs: [JobStatus.ID], with client: MartletClient, _ report: inout DemoReport
    ) async throws -> [String] {
        try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            var waiting = jobs.enumerated().makeIterator()
            func waitForNext() {
                guard let (index, id) = waiting.next() else { return }
                group.addTask { (index, try await Self.outcome(of: id, with: client)) }
            }
            for _ in 0..<Self.concurrentWaits { waitForNext() }
            var hashes = [String](repeating: "", count: jobs.count)
            var done = 0
            while let (index, outcome) = try await group.next() {
                waitForNext()
                hashes[index] = outcome.hash
                done += 1
                if outcome.wasRetried { report.retried += 1 }
                if done == jobs.count / 2 {
                    cluster.victim.kill()
                    report.killedAt = done
                }
                report.show(completed: done)
            }
            return hashes
        }
    }

    private static func outcome(
        of id: JobStatus.ID, with client: MartletClient
    ) async throws(MartletError) -> Outcome {
        do throws(MartletError) {
            let info = try await client.finishedInfo(of: id, parts: .result, timeout: patience)
            let output = String(decoding: try await client.resultBytes(of: info), as: UTF8.self)
            return Outcome(hash: LocalHashes.hash(in: output), wasRetried: info.attempts > 1)
        } catch {
            guard error.code == .waitTimeout else { throw error }
            return Outcome(hash: "", wasRetried: false)
        }
    }

    private struct Outcome: Sendable {
        let hash: String
        let wasRetried: Bool
    }
}
