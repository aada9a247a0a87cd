import Foundation

/// The JSON file with settings: one object, each member a setting by its name. What it says is
/// checked, since a setting that is misspelt would be one that is not there.
enum SettingsFile {
    /// - Throws: `CommandFailure` of usage, which names the file and what is wrong in it.
    static func read(_ path: String) throws(CommandFailure) -> [Settings.Key: String] {
        var settings: [Settings.Key: String] = [:]
        for (name, value) in try members(of: path).sorted(by: { $0.key < $1.key }) {
            guard let key = Settings.Key(rawValue: name) else { throw unknown(name, path) }
            guard let text = value as? String else {
                throw CommandFailure(
                    .usage, "\(path): \"\(name)\" wants a text, in double quotes.")
            }
            settings[key] = text
        }
        return settings
    }

    private static func members(of path: String) throws(CommandFailure) -> [String: Any] {
        let object: Any
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            object = try JSONSerialization.jsonObject(with: data)
        } catch {
            throw CommandFailure(
                .usage,
                "cannot read the configuration file \(path): \(error.localizedDescription)")
        }
        guard let members = object as? [String: Any] else {
            throw CommandFailure(.usage, "the configuration file \(path) holds no JSON object.")
        }
        return members
    }

    private static func unknown(_ name: String, _ path: String) -> CommandFailure {
        let names = Settings.Key.allCases.map(\.rawValue)
        let nearest = names.min { $0.editDistance(to: name) < $1.editDistance(to: name) } ?? ""
        return CommandFailure(
            .usage,
            "\(path): there is no setting \"\(name)\"; the nearest one is \"\(nearest)\".")
    }
}

extension String {
    /// Characters to insert, delete or replace until one text is the other (Levenshtein).
    fileprivate func editDistance(to other: String) -> Int {
        let target = Array(other)
        var row = Array(0...target.count)
        for (index, character) in enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in target.indices {
                let replaced = diagonal + (target[column] == character ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = Swift.min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[target.count]
    }
}
