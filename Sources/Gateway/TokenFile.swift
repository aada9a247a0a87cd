import Foundation
package import MartletWire

extension AccessTokens {
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
}

/// A token file that does not say who may come in.
package struct TokenFileError: Error, CustomStringConvertible {
    package let path: String
    package let problem: String

    package var description: String { "token file \(path) \(problem)" }
}
