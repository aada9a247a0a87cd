/// Names and values in two columns.
enum Fields {
    /// Writes those that have a value.
    static func write(_ fields: [(name: String, value: String?)]) {
        let known = fields.compactMap { field in field.value.map { (field.name, $0) } }
        let width = known.reduce(0) { max($0, $1.0.count) }
        for (name, value) in known {
            let padding = String(repeating: " ", count: width - name.count)
            StandardOutput.write(
                line: Terminal.output.styled(name + padding, .dim) + "  " + value)
        }
    }
}
