import ArgumentParser

/// The option that every command with settings has.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("JSON file with settings (MARTLET_CONFIG).", valueName: "file"))
    var config: String?
}
