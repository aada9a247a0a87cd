import ArgumentParser
import Configuration

/// Where a setting's value comes from: the option on the command line, else the environment under
/// `MARTLET_…`, else the JSON file named by `--config` or `MARTLET_CONFIG`.
struct Settings {
    private let reader: ConfigReader

    /// - Parameter given: what the command line said.
    /// - Throws: `CommandFailure`, when there is a file and it cannot be read.
    init(given: [Key: String?], file: String?) async throws {
        let values = given.compactMapValues(\.self).map { key, text in
            (AbsoluteConfigKey([key.rawValue]), ConfigValue(.string(text), isSecret: false))
        }
        let environment = EnvironmentVariablesProvider().prefixKeys(with: "martlet")
        var providers: [any ConfigProvider] = [
            InMemoryProvider(values: Dictionary(uniqueKeysWithValues: values)), environment,
        ]
        if let file = file ?? ConfigReader(provider: environment).string(forKey: "config") {
            providers.append(try await Self.provider(file: file))
        }
        reader = ConfigReader(providers: providers)
    }

    func string(_ key: Key) -> String? {
        reader.string(forKey: ConfigKey([key.rawValue]))
    }

    /// The value in the form that the caller wants; a usage error that names the setting when it
    /// has another.
    func value<Value: ExpressibleByArgument>(_ key: Key, as type: Value.Type = Value.self) throws
        -> Value?
    {
        guard let text = string(key) else { return nil }
        guard let value = Value(argument: text) else {
            throw ValidationError("\(key.rawValue): \"\(text)\" is not understood.")
        }
        return value
    }

    private static func provider(file: String) async throws -> any ConfigProvider {
        let place = InMemoryProvider(values: [
            "filePath": ConfigValue(.string(file), isSecret: false)
        ])
        do {
            return try await FileProvider<JSONSnapshot>(config: ConfigReader(provider: place))
        } catch {
            throw CommandFailure(.usage, "cannot read the configuration file \(file): \(error).")
        }
    }

    /// The settings that environment and file may give, by their names in the file.
    enum Key: String {
        case server
        case tokenFile = "token_file"
        case data
        case listen
        case http
        case broker
        case logLevel = "log_level"
        case logFormat = "log_format"
    }
}
