import Store

@testable import Engine

/// Every row of every table, as hexadecimal text: what must be equal after equal commands.
func dump(_ rows: borrowing Transaction) throws -> [String] {
    var lines: [String] = []
    for table in Tables.all {
        try rows.scan(table, from: Key()) { key, row in
            lines.append("\(table.name) \(key.whole) \(row.rest().map { String($0, radix: 16) })")
            return .next
        }
    }
    return lines
}

extension EngineHarness {
    func dump() throws -> [String] { try look { rows in try EngineTests.dump(rows) } }

    /// Number of rows in a table.
    func rowCount(_ table: Table) throws -> Int {
        try look { rows in
            var count = 0
            try rows.scan(table, from: Key()) { _, _ in
                count += 1
                return .next
            }
            return count
        }
    }
}
