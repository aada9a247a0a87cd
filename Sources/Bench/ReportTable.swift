import MartletWire

/// What a run says to people: a head, one row for each workload as it ends, and whether nothing was lost.
package struct ReportTable: Sendable {
    private let version: String

    /// - Parameter version: The program's.
    package init(version: String) { self.version = version }

    package func lines(for event: BenchEvent) -> [String] {
        switch event {
        case .started(let header): [head(header), "", ReportTable.columns]
        case .measured(let result): [row(result)] + notes(result)
        case .ended(let verdict):
            verdict.acknowledged == 0 ? [] : ["", ReportTable.sentence(verdict)]
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
        return [
            "martlet bench \(version)", "\(header.cores) cores",
            "\(header.payloadBytes.grouped)-byte payloads", durability,
        ].joined(separator: "   ")
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
        case .sync, .submit, .drain, .flow: result.workload.rawValue
        }
    }

    private func shape(_ result: WorkloadResult) -> String {
        let outstanding = result.outstanding.grouped
        return switch result.workload {
        case .sync: "1 connection, 1 outstanding"
        case .submit: "\(result.connections) connections, \(outstanding) outstanding each"
        case .drain: "\(result.connections) connections, every job settled"
        case .mass: "\(result.jobs.grouped) jobs at once; a PING meanwhile"
        case .flow, .retention:
            "\(result.connections / 2) submit, "
                + "\(result.connections - result.connections / 2) work"
        }
    }

    private func notes(_ result: WorkloadResult) -> [String] {
        var notes: [String] = []
        if let append = result.append, append.p50Microseconds > 0 {
            let ratio = ReportTable.fixed(result.p50Microseconds / append.p50Microseconds, 2)
            notes.append("p50 is \(ratio) × one append")
        }
        if let footprint = result.footprint {
            let payload = max(1, result.jobs * result.payloadBytes)
            let stored = footprint.storeBytes + footprint.logBytes
            let ratio = ReportTable.fixed(Double(stored) / Double(payload), 2)
            notes.append(
                "\(result.jobs.grouped) jobs waiting: memory \(ReportTable.megabytes(footprint.memoryBytes)), "
                    + "store \(ReportTable.megabytes(footprint.storeBytes)), "
                    + "log \(ReportTable.megabytes(footprint.logBytes)) (\(ratio) × the payloads)")
        }
        return notes.map { ReportTable.pad("", ReportTable.nameWidth) + "    " + $0 }
    }

    private static func sentence(_ verdict: DeliveryVerdict) -> String {
        let all = verdict.acknowledged.grouped
        if verdict.isExact {
            return "every acknowledged job delivered exactly once: \(all) of \(all)"
        }
        return "FAILED: of \(all) acknowledged jobs \(verdict.lost.grouped) lost, "
            + "\(verdict.duplicated.grouped) delivered again, \(verdict.damaged.grouped) damaged"
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

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
