import ArgumentParser
import Foundation
import MartletClient
import MartletCompression
import NIOCore

/// `martlet dictionary train`: makes one from samples and registers it.
struct DictionaryTrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Make a dictionary from samples, and register it for a job type.",
        discussion: """
            Samples are the payloads of jobs of that type that wait, or a file's lines.
            The new dictionary takes the place of the active one.

            Examples:
              martlet dictionary train mail.send
              martlet dictionary train mail.send --lines payloads.ndjson --dry-run
            """)

    @Argument(help: ArgumentHelp("The job type.", valueName: "type"))
    var type: String

    @Option(
        help: ArgumentHelp(
            "Each line of this file is a sample; - for standard input.", valueName: "file"))
    var lines: String?

    @Option(help: ArgumentHelp("Most samples to take.", valueName: "count"))
    var samples = 2_000

    @Option(help: ArgumentHelp("Bytes of the dictionary, at most 114688.", valueName: "bytes"))
    var bytes = ZstdTrainer.dictionaryBytes

    @Flag(help: "Only say what it would save.")
    var dryRun = false

    @Flag(help: "One JSON object.")
    var json = false

    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard (ZstdTrainer.samplesMin...100_000).contains(samples) else {
            throw ValidationError(
                "--samples is \(ZstdTrainer.samplesMin) to 100,000, not \(samples).")
        }
        guard (512...114_688).contains(bytes) else {
            throw ValidationError("--bytes is 512 to 114,688, not \(bytes).")
        }
    }

    func run() async throws {
        try await ServerClient.with(server) { client in
            let taken = try await taken(client)
            guard let made = ZstdTrainer.train(taken, bytesMax: bytes),
                let dictionary = ZstdDictionary(made)
            else { throw nothingLearned(from: taken.count) }
            var registered: PayloadDictionary?
            if !dryRun { registered = try await client.registerDictionary(Data(made), for: type) }
            let sums = ZstdTrainer.measure(dictionary, on: taken)
            write(dictionary, registered, taken.count, sums)
        }
    }

    // MARK: Samples

    private func taken(_ client: MartletClient) async throws -> [[UInt8]] {
        guard let lines else { return try await payloads(client) }
        return try linesOf(lines)
    }

    private func linesOf(_ path: String) throws -> [[UInt8]] {
        let data: Data
        do {
            data =
                path == "-"
                ? FileHandle.standardInput.readDataToEndOfFile()
                : try Data(contentsOf: URL(filePath: path))
        } catch {
            throw CommandFailure(.failed, "cannot read \(path): \(error.localizedDescription)")
        }
        return data.split(separator: UInt8(ascii: "\n")).prefix(samples).map { Array($0) }
    }

    private func payloads(_ client: MartletClient) async throws -> [[UInt8]] {
        let query = JobQuery(states: [.ready, .scheduled], type: type)
        var found: [[UInt8]] = []
        for try await job in client.jobs(matching: query) {
            if let payload = try await payload(of: job, client) { found.append(payload) }
            if found.count == samples { break }
        }
        return found
    }

    /// - Returns: nil when it has been worked on meanwhile.
    private func payload(
        of job: JobStatus, _ client: MartletClient
    ) async throws(MartletError) -> [UInt8]? {
        do throws(MartletError) {
            return Array(try await client.payload(of: job.id))
        } catch {
            guard error.code == .jobNotFound else { throw error }
            return nil
        }
    }

    private func nothingLearned(from count: Int) -> CommandFailure {
        CommandFailure(
            .failed,
            count < ZstdTrainer.samplesMin
                ? "there are \(count) samples, and a dictionary needs at least \(ZstdTrainer.samplesMin)"
                : "\(Quantity.grouped(count)) samples have nothing in common that a dictionary could hold"
        )
    }

    // MARK: Output

    private func write(
        _ dictionary: ZstdDictionary, _ registered: PayloadDictionary?, _ count: Int,
        _ sums: (raw: Int, alone: Int, packed: Int)
    ) {
        if json { return writeJSON(dictionary, registered, count, sums) }
        let name = registered.map { "dictionary \($0.id), version \($0.version) of \(type)" }
        Fields.write([
            ("samples", Quantity.grouped(count)), ("raw", Quantity.bytes(sums.raw)),
            ("compressed alone", Quantity.bytes(sums.alone)),
            ("with the dictionary", Quantity.bytes(sums.packed)),
            ("its size", Quantity.bytes(dictionary.bytes.count)),
            ("registered", name ?? "not, since this is a dry run"),
        ])
    }

    private func writeJSON(
        _ dictionary: ZstdDictionary, _ registered: PayloadDictionary?, _ count: Int,
        _ sums: (raw: Int, alone: Int, packed: Int)
    ) {
        var object = JSONObject()
        object.set("id", dictionary.id)
        object.set("type", type)
        object.set("version", registered?.version)
        object.set("bytes", dictionary.bytes.count)
        object.set("samples", count)
        object.set("raw_bytes", sums.raw)
        object.set("compressed_bytes", sums.alone)
        object.set("dictionary_bytes", sums.packed)
        StandardOutput.write(line: object.text)
    }
}
