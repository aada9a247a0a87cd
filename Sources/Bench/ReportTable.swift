import MartletWire

/// What a run says to people: a head, one row for each workload as it ends, and whether nothing was lost.
package struct ReportTable: Sendable {
    private let version: String
    private let restarts: Bool

    /// - Parameters:
    ///   - version: The program's.
    ///   - restarts: The broker is killed during the run, and may deliver jobs again.
    package init(version: String, restarts: Bool = false) {
        self.version = version
        self.restarts = restarts
    }

    package func lines(for event: BenchEvent) -> [String] {
        switch event {
        case .started(let header): [head(header), "", ReportTable.columns]
        case .progress: []
        case .measured(let result): [row(result)] + notes(result)
        case .ended(let verdict, let distributions):
            charts(distributions)
                + (verdict.acknowledged == 0 ? [] : ["", sentence(verdict)])
        }
    }

    private func charts(_ distributions: [LatencyDistribution]) -> [String] {
        distributions.filter(\.isMain).map { LatencyChart($0).lines }.flatMap {
            $0.isEmpty ? [] : [""] + $0
        }
    }

    private func head(_ header: BenchHeader) -> String {
        var durability = "durability \(header.durability.name)"
        if let append = header.append {
            let p50 = ReportTable.milliseconds(append.p50Microseconds)
            let p99 = ReportTable.milliseconds(append.p99Microseconds)
            durability += append.isInMemory ? " (no disk behind this directory; " : " ("
            durability += "one 4 KiB synchronous append here: p50 \(p50), p99 \(p99))"
        }
        let payloads = "\(header.payloadBytes.grouped)-byte payloads" + compression(header)
        return [
            "martlet bench \(version)", "\(header.cores) cores", payloads, durability,
        ].joined(separator: "   ")
    }

    private func compression(_ header: BenchHeader) -> String {
        switch (header.compression, header.dictionaryBytes) {
        case (.none, _): ""
        case (.zstd, _): ", zstd"
        case (.dictionary, let bytes?): ", zstd with a dictionary of \(bytes.grouped) bytes"
        case (.dictionary, nil): ", zstd alone: a dictionary would not pay for them"
        }
    }

    /// Of the longest part's name.
    private static let nameWidth = 12

    private static let columns =
        pad("", nameWidth)
        + ["jobs/s", "p50", "p99", "p99.9", "max"].map { right($0, 10) }.joined()

    private func row(_ result: WorkloadResult) -> String {
        let latencies = [
            result.p50Microseconds, result.p99Microseconds, result.p999Microseconds,
            result.maxMicroseconds,
        ]
        let figures =
            [Int(result.jobsPerSecond.rounded()).grouped] + latencies.map(ReportTable.milliseconds)
        return ReportTable.pad(name(result), ReportTable.nameWidth)
            + figures.map { ReportTable.right($0, 10) }.joined() + "    " + shape(result)
    }

    private func name(_ result: WorkloadResult) -> String {
        switch result.workload {
        case .retention: "keep " + (result.part ?? "")
        case .mass: result.part ?? ""
        default: result.workload.rawValue
        }
    }

    private func shape(_ result: WorkloadResult) -> String {
        let outstanding = result.outstanding.grouped
        let halves =
            "\(result.connections / 2) submit, \(result.connections - result.connections / 2) work"
        return switch result.workload {
        case .sync: "1 connection, 1 outstanding"
        case .submit:
            "\(result.connections) connections, \(outstanding) outstanding each"
                + (result.batch.map { ", \($0) a frame" } ?? "")
        case .drain: "\(result.connections) connections, every job settled"
        case .paced: halves + ", \((result.rate ?? 0).grouped) jobs/s asked for"
        case .idle: "\(result.connections.grouped) waiting consumers, one job at a time"
        case .backlog: "\(result.connections) connections work off what waited"
        case .mass: "\(result.jobs.grouped) jobs at once; a PING meanwhile"
        case .flow, .retention: halves
        }
    }

    private func notes(_ result: WorkloadResult) -> [String] {
        let notes = [
            appendNote(result), phaseNote(result), bytesNote(result), footprintNote(result),
            idleNote(result), restartNote(result), processorNote(result),
        ]
        return notes.compactMap { $0 }.map {
            ReportTable.pad("", ReportTable.nameWidth) + "    " + $0
        }
    }
}

// MARK: Notes

extension ReportTable {
    private func appendNote(_ result: WorkloadResult) -> String? {
        guard let append = result.append, append.p50Microseconds > 0 else { return nil }
        let ratio = ReportTable.fixed(result.p50Microseconds / append.p50Microseconds, 2)
        return "p50 is \(ratio) × one append"
    }

    /// Where the phases of a job's life are more than one.
    private func phaseNote(_ result: WorkloadResult) -> String? {
        guard let phases = result.phases, phases.count > 1 else { return nil }
        let names: [(LatencyPhase, String)] = [
            (.acknowledge, "push to acknowledge"), (.start, "push to start"),
            (.done, "start to done"), (.late, "bench late"),
        ]
        let said = names.compactMap { phase, name in
            phases[phase.rawValue].map {
                "\(name) \(ReportTable.milliseconds($0.p50)) / \(ReportTable.milliseconds($0.p99))"
            }
        }
        return "p50 / p99: " + said.joined(separator: ", ")
    }

    private func bytesNote(_ result: WorkloadResult) -> String? {
        guard let carried = result.carriedBytes, carried > 0, carried != result.payloadBytes
        else { return nil }
        let ratio = ReportTable.fixed(Double(result.payloadBytes) / Double(carried), 2)
        return
            "a payload of \(result.payloadBytes.grouped) bytes travels as \(carried.grouped): \(ratio) ×"
    }

    private func footprintNote(_ result: WorkloadResult) -> String? {
        guard let footprint = result.footprint else { return nil }
        let payload = max(1, result.jobs * result.payloadBytes)
        let stored = footprint.storeBytes + footprint.logBytes
        let ratio = ReportTable.fixed(Double(stored) / Double(payload), 2)
        return
            "\(result.jobs.grouped) jobs waiting: memory \(ReportTable.megabytes(footprint.memoryBytes)), "
            + "store \(ReportTable.megabytes(footprint.storeBytes)), "
            + "log \(ReportTable.megabytes(footprint.logBytes)) (\(ratio) × the payloads)"
    }

    private func idleNote(_ result: WorkloadResult) -> String? {
        guard let idle = result.idle else { return nil }
        let share = ReportTable.fixed(idle.processorShare * 100, 1)
        return "a connection costs the broker \(idle.bytesPerConnection.grouped) bytes; "
            + "all of them \(share) % of a processor while nothing happens"
    }

    private func restartNote(_ result: WorkloadResult) -> String? {
        guard let restart = result.restart else { return nil }
        var note =
            "broker killed (SIGKILL): ready after \(ReportTable.fixed(restart.readySeconds, 2)) s"
        if let first = restart.firstJobSeconds {
            note += ", first job after \(ReportTable.fixed(first, 2)) s"
        }
        return note + "; \(result.lost.grouped) lost, \(result.duplicated.grouped) delivered again"
    }

    private func processorNote(_ result: WorkloadResult) -> String? {
        guard let processor = result.processor else { return nil }
        let bench = "bench \(ReportTable.fixed(processor.bench, 1)) µs"
        let broker = processor.broker.map { "broker \(ReportTable.fixed($0, 1)) µs, " } ?? ""
        return "processor time a job: " + broker + bench
    }

    private func sentence(_ verdict: DeliveryVerdict) -> String {
        let all = verdict.acknowledged.grouped
        if verdict.isExact {
            return "every acknowledged job delivered exactly once: \(all) of \(all)"
        }
        let duplicated = verdict.duplicated.grouped
        if restarts, verdict.lost == 0, verdict.damaged == 0 {
            return "every acknowledged job delivered though the broker was killed: "
                + "\(all) of \(all), \(duplicated) delivered again"
        }
        return "FAILED: of \(all) acknowledged jobs \(verdict.lost.grouped) lost, "
            + "\(duplicated) delivered again, \(verdict.damaged.grouped) damaged"
    }
}

// MARK: Numbers

extension ReportTable {
    /// Microseconds as milliseconds with three digits or more: `0.29 ms`, `12.3 ms`, `140 ms`.
    static func milliseconds(_ microseconds: Double) -> String {
        let milliseconds = microseconds / 1_000
        let decimals = milliseconds < 9.995 ? 2 : milliseconds < 99.95 ? 1 : 0
        return fixed(milliseconds, decimals) + " ms"
    }

    static func megabytes(_ bytes: Int) -> String { fixed(Double(bytes) / 1e6, 0) + " MB" }

    /// With that many decimals, and thousands separated.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((value * Double(scale)).rounded())
        let whole = (scaled / scale).grouped
        guard decimals > 0 else { return whole }
        let fraction = String(scaled % scale)
        return whole + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
