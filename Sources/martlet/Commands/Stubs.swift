import ArgumentParser

struct Demo: AsyncParsableCommand {}
struct BenchCommand: AsyncParsableCommand {}
