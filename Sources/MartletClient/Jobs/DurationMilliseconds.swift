extension Duration {
    /// Whole milliseconds, rounded up: a wait never ends before its time, and a positive one is
    /// never zero.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (part, rest) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000_000_000)
        return product.addingReportingOverflow(part + (rest > 0 ? 1 : 0)).partialValue
    }
}
