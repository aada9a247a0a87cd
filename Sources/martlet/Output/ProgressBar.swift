/// A bar on standard error that is drawn over itself; nothing at all where there is no terminal.
struct ProgressBar {
    private let label: String
    private let total: Int
    private let terminal = Terminal.error
    private var drawn: String?

    init(_ label: String, of total: Int) {
        self.label = label
        self.total = total
    }

    /// Shows `done` of the total; draws only when that changes the picture.
    mutating func show(_ done: Int) {
        guard terminal.allowsColour, total > 0 else { return }
        let width = 30
        let filled = min(width, done * width / total)
        let bar =
            String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let percent = min(100, done * 100 / total)
        let picture =
            "\(label) \(bar) \(percent)%  \(Quantity.grouped(done)) of \(Quantity.grouped(total))"
        guard picture != drawn else { return }
        drawn = picture
        StandardError.write("\r\u{1b}[K" + picture)
    }

    /// Takes the bar away.
    mutating func clear() {
        guard drawn != nil else { return }
        drawn = nil
        StandardError.write("\r\u{1b}[K")
    }
}
