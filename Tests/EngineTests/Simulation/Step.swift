/// One turn of a simulation: numbers that decide what happens in it. What they come to depends on what was before,
/// so steps can be left out and the rest still means something: that is how a script is shrunk.
struct Step: Sendable {
    /// Decides on time, restarts and the turn's random number.
    var turn: UInt64
    /// One number for each command.
    var commands: [UInt64]
    /// One number for each delivery.
    var deliveries: [UInt64]

    static func script(seed: UInt64, steps: Int) -> [Step] {
        var dice = Dice(seed: seed)
        return (0..<steps).map { _ in
            Step(
                turn: dice.next(), commands: (0..<dice.number(0...4)).map { _ in dice.next() },
                deliveries: (0..<dice.number(0...2)).map { _ in dice.next() })
        }
    }
}

extension [Step] {
    /// Number of everything that could be left out.
    var size: Int { reduce(0) { $0 + 1 + $1.commands.count + $1.deliveries.count } }
}
