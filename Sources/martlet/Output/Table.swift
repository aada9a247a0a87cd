/// Columns of text, padded to equal width: a header, then rows.
struct Table {
    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Adds a row of as many cells as there are columns.
    mutating func add(_ cells: [String]) {
        precondition(
            cells.count == columns.count, "a row has \(cells.count) cells of \(columns.count)")
        rows.append(cells)
    }

    /// The lines of the table, the header first; only the header is ever styled.
    func lines(for terminal: Terminal) -> [String] {
        let widths = columns.indices.map { index in
            rows.reduce(columns[index].title.count) { max($0, $1[index].count) }
        }
        let header = line(columns.map(\.title), widths)
        return [terminal.styled(header, .dim)] + rows.map { line($0, widths) }
    }

    func write() {
        for line in lines(for: .output) { StandardOutput.write(line: line) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            if index > 0 { line += "  " }
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            switch columns[index].alignment {
            case .left: line += cell + padding
            case .right: line += padding + cell
            }
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    struct Column {
        enum Alignment { case left, right }
        let title: String
        let alignment: Alignment

        static func text(_ title: String) -> Column { Column(title: title, alignment: .left) }
        static func number(_ title: String) -> Column { Column(title: title, alignment: .right) }
    }
}
