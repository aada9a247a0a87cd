/// The bearer tokens that open a door, and the comparison that tells nothing about them.
package struct AccessTokens: Sendable {
    private let tokens: [[UInt8]]

    /// Everybody is welcome.
    package static let none = AccessTokens([])

    package init(_ tokens: [String]) {
        self.tokens = tokens.map { Array($0.utf8) }
    }

    package var areRequired: Bool { !tokens.isEmpty }

    /// Whether `presented` is one of the tokens. Takes the same time wherever it differs, and looks
    /// at all tokens, whichever is the right one; a difference in length shows, its contents do
    /// not.
    package func accept(_ presented: some Collection<UInt8>) -> Bool {
        guard areRequired else { return true }
        var isAccepted = false
        for token in tokens {
            // In this order: the other one would stop looking at the first that fits.
            isAccepted = Self.isEqual(token, presented) || isAccepted
        }
        return isAccepted
    }

    private static func isEqual(_ token: [UInt8], _ presented: some Collection<UInt8>) -> Bool {
        guard token.count == presented.count else { return false }
        var difference: UInt8 = 0
        for (ours, theirs) in zip(token, presented) { difference |= ours ^ theirs }
        return difference == 0
    }
}
