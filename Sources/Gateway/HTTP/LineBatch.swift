import MartletClient
import MartletWire
import NIOCore

/// The lines of one NDJSON request on their way to the broker, a batch at a time, and what became of each.
struct LineBatch {
    enum Outcome {
        case accepted(JobStatus.ID)
        case refused(Problem)
    }

    /// Bytes of payloads above which a batch is sent, however few they are.
    static let bytesMax = 1 << 20

    private let server: any JobServer
    private let destination: Destination
    private let payloadBytesMax: Int
    private let jobsMax: Int
    private var payloads: [ByteBuffer] = []
    private var bytes = 0
    /// Where the results of `payloads` go in `outcomes`.
    private var places: [Int] = []
    /// Of each line, in order.
    private(set) var outcomes: [Outcome?] = []
    /// Why nothing more is sent: the broker did not answer, or a limit of the request is reached.
    private(set) var ending: Problem?
    /// No more lines are taken.
    private(set) var isOver = false

    init(server: any JobServer, destination: Destination, payloadBytesMax: Int, jobsMax: Int) {
        self.server = server
        self.destination = destination
        self.payloadBytesMax = payloadBytesMax
        self.jobsMax = jobsMax
    }

    var acceptedCount: Int {
        outcomes.count { if case .accepted = $0 { true } else { false } }
    }

    mutating func add(_ line: LineSplitter.Line) async {
        guard !isOver else { return }
        if outcomes.count == jobsMax { return await end(.tooManyJobs(limit: jobsMax)) }
        if let ending { return outcomes.append(.refused(ending)) }
        switch line {
        case .line(let payload):
            await add(payload)
        case .tooLong(let bytes):
            let error = WireError.payloadTooLarge(actual: bytes, limit: payloadBytesMax)
            outcomes.append(.refused(Problem(error)))
        }
    }

    /// Takes no more lines, and says why in a last one. What was accepted stays accepted.
    mutating func end(_ problem: Problem) async {
        await flush()
        ending = ending ?? problem
        outcomes.append(.refused(problem))
        isOver = true
    }

    private mutating func add(_ payload: ByteBuffer) async {
        places.append(outcomes.count)
        outcomes.append(nil)
        payloads.append(payload)
        bytes += payload.readableBytes
        if payloads.count == Limits.batchMax || bytes >= Self.bytesMax { await flush() }
    }

    /// Sends what waits.
    mutating func flush() async {
        guard !payloads.isEmpty else { return }
        let answers: [Result<JobStatus.ID, Problem>]
        do throws(MartletError) {
            answers = try await server.submit(payloads, to: destination).map {
                $0.mapError(Problem.init)
            }
        } catch {
            let problem = Problem(error)
            ending = problem
            answers = Array(repeating: .failure(problem), count: payloads.count)
        }
        for (place, answer) in zip(places, answers) {
            outcomes[place] =
                switch answer {
                case .success(let id): .accepted(id)
                case .failure(let problem): .refused(problem)
                }
        }
        payloads = []
        places = []
        bytes = 0
    }
}
