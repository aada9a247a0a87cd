import Foundation

/// The bearer tokens that open the door, and the comparison that tells nothing about them.
package struct AccessTokens: Sendable {
    private let tokens: [[UInt8]]

    /// Everybody is welcome.
    package static let none = AccessTokens([])

    package init(_ tokens: [String]) {
        self.tokens = tokens.map { Array($0.utf8) }
    }

    /// Reads one token a line; empty lines and lines that begin with `#` are skipped.
    ///
    /// - Throws: `TokenFileError` when the file can't be read or holds no token: a gateway that was
    ///   told to ask for one must not be open.
    package init(file path: String) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw TokenFileError(
                path: path, problem: "cannot be read: \(error.localizedDescription)")
        }
        let lines = text.split(whereSeparator: \.isNewline).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        let tokens = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !tokens.isEmpty else { throw TokenFileError(path: path, problem: "holds no token") }
        self.init(tokens)
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

/// A token file that does not say who may come in.
package struct TokenFileError: Error, CustomStringConvertible {
    package let path: String
    package let problem: String

    package var description: String { "token file \(path) \(problem)" }
}
