import Bench
import Foundation
import Synchronization

/// Writes what the bench says: figures to standard output, how far it is to a terminal, latencies to files.
final class BenchReporter: Sendable {
    private let form: Form
    private let table: ReportTable
    private let histogramFile: String?
    private let state: Mutex<State>

    enum Form { case table, json, csv }

    private struct State {
        var line = StatusLine()
        var failure: CommandFailure?
    }

    init(form: Form, histogramFile: String?, kills: Bool) {
        self.form = form
        self.histogramFile = histogramFile
        table = ReportTable(version: Martlet.version, restarts: kills)
        state = Mutex(State())
    }

    /// Why something could not be written.
    var failure: CommandFailure? { state.withLock(\.failure) }

    func tell(_ event: BenchEvent) {
        state.withLock { state in
            do {
                if case .progress(let progress) = event {
                    return state.line.show(progress.sentence)
                }
                state.line.clear()
                for line in try lines(for: event) { StandardOutput.write(line: line) }
                if case .ended(_, let distributions) = event { try write(distributions) }
            } catch {
                state.failure = CommandFailure(.failed, "cannot write figures: \(error)")
            }
        }
    }

    /// Leaves nothing half-drawn behind.
    func close() { state.withLock { $0.line.clear() } }

    private func lines(for event: BenchEvent) throws -> [String] {
        switch form {
        case .table: table.lines(for: event)
        case .json: try ReportLines().lines(for: event)
        case .csv: ReportRows().lines(for: event)
        }
    }

    /// `paced.hgrm` becomes `paced-flow-start.hgrm` and so on: HdrHistogram's tools take one distribution a file.
    private func write(_ distributions: [LatencyDistribution]) throws {
        guard let histogramFile else { return }
        let file = URL(filePath: histogramFile)
        let stem = file.deletingPathExtension().lastPathComponent
        let ending = file.pathExtension.isEmpty ? "hgrm" : file.pathExtension
        for distribution in distributions {
            let path = file.deletingLastPathComponent()
                .appending(path: "\(stem)-\(distribution.name).\(ending)")
            try Data(distribution.percentileTable.utf8).write(to: path)
        }
    }
}

extension BenchProgress {
    fileprivate var sentence: String {
        let workload = queue.split(separator: "-").dropFirst(2).joined(separator: " ")
        let verb = isSubmitting ? "submitted" : "worked off"
        let percent = Int(share * 100)
        return "\(workload): \(Quantity.jobs(jobs)) \(verb), \(percent) %"
    }
}

/// A line on standard error that is drawn over itself; nothing at all where there is no terminal.
struct StatusLine {
    private let terminal = Terminal.error
    private var drawn: String?

    mutating func show(_ text: String) {
        guard terminal.allowsColour, text != drawn else { return }
        drawn = text
        StandardError.write("\r\u{1b}[K" + text)
    }

    mutating func clear() {
        guard drawn != nil else { return }
        drawn = nil
        StandardError.write("\r\u{1b}[K")
    }
}
