import ArgumentParser
import Configuration

/// Where a setting's value comes from: the option on the command line, else the environment under
/// `MARTLET_…`, else the JSON file named by `--config` or `MARTLET_CONFIG`.
struct Settings {
    private let reader: ConfigReader

    /// - Parameter given: what the command line said.
    /// - Throws: `CommandFailure`, when there is a file and it says what nobody understands.
    init(given: [Key: String?], file: String?) async throws {
        let environment = EnvironmentVariablesProvider().prefixKeys(with: "martlet")
        var providers: [any ConfigProvider] = [
            Self.provider(given.compactMapValues(\.self)), environment,
        ]
        if let file = file ?? ConfigReader(provider: environment).string(forKey: "config") {
            providers.append(Self.provider(try SettingsFile.read(file)))
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

    private static func provider(_ settings: [Key: String]) -> InMemoryProvider {
        let values = settings.map { key, text in
            (AbsoluteConfigKey([key.rawValue]), ConfigValue(.string(text), isSecret: false))
        }
        return InMemoryProvider(values: Dictionary(uniqueKeysWithValues: values))
    }

    /// The settings that environment and file may give, by their names in the file.
    enum Key: String, CaseIterable {
        case server
        case tokenFile = "token_file"
        case brokerTokenFile = "broker_token_file"
        case data
        case listen
        case http
        case broker
        case logLevel = "log_level"
        case logFormat = "log_format"
    }
}
