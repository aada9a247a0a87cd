import Foundation
import Testing

@testable import Engine

/// The state × event table as `protocol/PROTOCOL.md` has it.
struct StateTable {
    /// What the document says of one event in one state.
    struct Cell: Sendable, CustomTestStringConvertible {
        var event: String
        var state: JobState
        var text: String

        var testDescription: String { "\(event) × \(state): \(text.isEmpty ? "cannot be" : text)" }

        /// "scheduled; dead when it was the last, or says discard" has three: without a condition, when
        /// "it was the last", and when it "says discard".
        var clauses: [Clause] {
            text.split(separator: ";").flatMap { part -> [Clause] in
                let halves = part.components(separatedBy: " when ")
                let outcome = halves[0].trimmingCharacters(in: .whitespaces)
                guard halves.count == 2 else { return [Clause(outcome: outcome, condition: nil)] }
                return halves[1].components(separatedBy: ", or ").map {
                    Clause(outcome: outcome, condition: $0)
                }
            }
        }
    }

    struct Clause: Equatable, Sendable {
        var outcome: String
        var condition: String?
    }

    let cells: [Cell]

    struct NotFound: Error { var what: String }

    /// Reads the table out of the document.
    init() throws {
        let document = try String(contentsOf: StateTable.document, encoding: .utf8)
        let rows = document.split(separator: "\n").drop { !$0.hasPrefix("| event |") }
            .prefix { $0.hasPrefix("|") }.map(StateTable.columns)
        guard let head = rows.first, rows.count > 2 else { throw NotFound(what: "no table") }
        let states = try head.dropFirst().map { name in
            guard let state = JobState.allCases.first(where: { "\($0)" == name }) else {
                throw NotFound(what: "state \(name)")
            }
            return state
        }
        cells = rows.dropFirst(2).flatMap { row in
            // One row may be about several events.
            row[0].components(separatedBy: ", ").flatMap { event in
                zip(states, row.dropFirst()).map { Cell(event: event, state: $0, text: $1) }
            }
        }
    }

    private static let document = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "protocol/PROTOCOL.md")

    private static func columns(_ line: Substring) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
