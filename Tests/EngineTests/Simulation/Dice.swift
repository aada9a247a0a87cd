import TestSupport

/// Random numbers that a seed repeats.
struct Dice: RandomNumberGenerator {
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    mutating func next() -> UInt64 { random.next() }

    mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &self) }

    /// True once in `times` throws.
    mutating func once(in times: Int) -> Bool { number(1...times) == 1 }

    mutating func pick<Choices: Collection>(_ choices: Choices) -> Choices.Element? {
        choices.randomElement(using: &self)
    }
}
