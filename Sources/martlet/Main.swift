import ArgumentParser
import Configuration
@main struct Martlet: ParsableCommand {}
