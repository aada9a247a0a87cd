/// Makes a failing script short: leaves out steps, then single commands, as long as what is left fails.
struct Shrinker {
    /// Why a script fails; nil when it does not.
    let failure: ([Step]) throws -> Disagreement?

    func shrink(_ script: [Step]) throws -> [Step] {
        var steps = script
        if let end = try failure(steps)?.step { steps = Array(steps.prefix(end + 1)) }
        var before = 0
        repeat {
            before = steps.size
            try leaveOutSteps(&steps)
            for index in steps.indices {
                try leaveOut(\.commands, of: index, &steps)
                try leaveOut(\.deliveries, of: index, &steps)
            }
        } while steps.size < before
        return steps
    }

    /// Halves first, then quarters, down to single steps.
    private func leaveOutSteps(_ steps: inout [Step]) throws {
        var length = max(steps.count / 2, 1)
        while true {
            var start = 0
            while start < steps.count {
                var shorter = steps
                shorter.removeSubrange(start..<min(start + length, steps.count))
                if try failure(shorter) != nil { steps = shorter } else { start += length }
            }
            guard length > 1 else { return }
            length /= 2
        }
    }

    private func leaveOut(
        _ part: WritableKeyPath<Step, [UInt64]>, of step: Int, _ steps: inout [Step]
    ) throws {
        for index in steps[step][keyPath: part].indices.reversed() {
            var shorter = steps
            shorter[step][keyPath: part].remove(at: index)
            if try failure(shorter) != nil { steps = shorter }
        }
    }
}

/// Where model and engine first came to different answers.
struct Disagreement: Error, Equatable, CustomStringConvertible {
    /// Counted from 0.
    var step: Int
    var what: String

    var description: String { "step \(step): \(what)" }
}
