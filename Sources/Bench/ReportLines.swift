import FoundationEssentials

/// What a run says to programs: one JSON object a line, a line for each workload.
package struct ReportLines: Sendable {
    package init() {}

    package func lines(for event: BenchEvent) throws -> [String] {
        guard case .measured(let result) = event else { return [] }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [String(decoding: try encoder.encode(result), as: UTF8.self)]
    }
}
