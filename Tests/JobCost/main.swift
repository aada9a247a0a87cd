import Foundation

// Carries out a fixed number of jobs so that their instructions can be counted; see `check` beside this file.
// `main` is not asynchronous: the main thread would run the main queue, in which callgrind 3.19 ends by a signal.

func run(_ arguments: [String]) throws {
    switch (arguments.first, arguments.count) {
    case ("broker", 3): try measure(.broker, arguments)
    case ("stored", 3): try measure(.stored, arguments)
    case ("serve", 2): try serve(directory: arguments[1])
    case ("client", 3):
        let (port, jobs) = (try count(arguments[1]), try count(arguments[2]))
        try waitFor { try await ClientCost(port: port, jobs: jobs).measure() }
    default:
        throw JobCostError(
            "usage: broker|stored DIRECTORY JOBS | serve DIRECTORY | client PORT JOBS")
    }
}

private func measure(_ kind: BrokerCost.Kind, _ arguments: [String]) throws {
    try BrokerCost(kind, directory: arguments[1]).measure(jobs: count(arguments[2]))
}

private func count(_ text: String) throws -> Int {
    guard let number = Int(text), number > 0 else { throw JobCostError("\(text) is no number") }
    return number
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
    // The broker's threads wait for work for ever.
    exit(0)
} catch {
    FileHandle.standardError.write(Data("JobCost: \(error)\n".utf8))
    exit(1)
}
