import MartletClient
import MartletWire
import NIOCore

/// The lines of one NDJSON request on their way to the broker, a batch at a time, and what became of each.
struct LineBatch {
    enum Outcome {
        case accepted(PushedJob, Destination)
        case refused(Problem)
    }

    /// Bytes of payloads above which a batch is sent, however few they are.
    static let bytesMax = 1 << 20

    private let server: any JobServer
    private let limits: LineLimits
    /// Makes a job of a line.
    private let read: (ByteBuffer) throws(Problem) -> Submission
    private var payloads: [ByteBuffer] = []
    /// Of all of `payloads`.
    private var destination: Destination?
    private var bytes = 0
    /// Where the results of `payloads` go in `outcomes`.
    private var places: [Int] = []
    /// Of each line, in order.
    private(set) var outcomes: [Outcome?] = []
    /// Why nothing more is sent: the broker did not answer, or a limit of the request is reached.
    private(set) var ending: Problem?
    /// No more lines are taken.
    private(set) var isOver = false

    init(
        server: any JobServer, limits: LineLimits,
        read: @escaping (ByteBuffer) throws(Problem) -> Submission
    ) {
        self.server = server
        self.limits = limits
        self.read = read
    }

    var acceptedCount: Int {
        outcomes.count { if case .accepted = $0 { true } else { false } }
    }

    /// The line that is to blame, from 1, and why: not one that was refused along with it.
    var firstRefusal: (line: Int, problem: Problem)? {
        var first: (line: Int, problem: Problem)?
        for (index, outcome) in outcomes.enumerated() {
            guard case .refused(let problem) = outcome else { continue }
            if problem.code != ErrorCode.batchRefused.name { return (index + 1, problem) }
            if first == nil { first = (index + 1, problem) }
        }
        return first
    }

    mutating func add(_ line: LineSplitter.Line) async {
        guard !isOver else { return }
        if outcomes.count == limits.jobsMax {
            return await end(.tooManyJobs(limit: limits.jobsMax))
        }
        if let ending { return outcomes.append(.refused(ending)) }
        switch line {
        case .line(let bytes):
            do throws(Problem) {
                try await add(try read(bytes))
            } catch {
                outcomes.append(.refused(error))
            }
        case .tooLong(let bytes):
            let error = WireError.payloadTooLarge(actual: bytes, limit: limits.payloadBytesMax)
            outcomes.append(.refused(Problem(error)))
        }
    }

    /// Takes no more lines, and says why in a last one. What was accepted stays accepted.
    mutating func end(_ problem: Problem) async {
        if !limits.isAtomic { await flush() }
        ending = ending ?? problem
        outcomes.append(.refused(problem))
        isOver = true
    }

    private mutating func add(_ job: Submission) async throws(Problem) {
        if let destination, destination != job.destination {
            if limits.isAtomic {
                throw .optionInvalid(
                    "jobs that are accepted all or none have one queue, one type, and the same options"
                )
            }
            await flush()
        }
        destination = job.destination
        places.append(outcomes.count)
        outcomes.append(nil)
        payloads.append(job.payload)
        bytes += job.payload.readableBytes
        let isFull = payloads.count == Limits.batchMax || bytes >= Self.bytesMax
        if isFull, !limits.isAtomic { await flush() }
    }

    /// Sends what waits. When all or none are to be accepted and one was refused here, sends nothing.
    mutating func flush() async {
        guard let destination, !payloads.isEmpty else { return }
        guard !limits.isAtomic || firstRefusal == nil else { return }
        let answers: [Result<PushedJob, Problem>]
        do throws(MartletError) {
            answers = try await server.submit(
                payloads, to: destination, isAtomic: limits.isAtomic
            )
            .map { $0.mapError(Problem.init) }
        } catch {
            let problem = Problem(error)
            ending = problem
            answers = Array(repeating: .failure(problem), count: payloads.count)
        }
        for (place, answer) in zip(places, answers) {
            outcomes[place] =
                switch answer {
                case .success(let job): .accepted(job, destination)
                case .failure(let problem): .refused(problem)
                }
        }
        payloads = []
        places = []
        bytes = 0
    }
}

/// What bounds the lines of a request.
struct LineLimits {
    let payloadBytesMax: Int
    let jobsMax: Int
    /// All of them or none, in one frame.
    let isAtomic: Bool
}
