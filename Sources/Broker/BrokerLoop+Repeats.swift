import Engine
import MartletWire
import NIOCore
import Store

// Exactly once: a producer that asks again is answered as it was the first time.

extension BrokerLoop {
    /// Gives a request that was answered before its first answer again.
    func answerFromMemory(
        _ submit: SubmitView, _ request: Request, _ rows: borrowing Transaction
    ) throws -> Bool {
        let precedent = try engine.precedent(
            producer: submit.producer, sequence: submit.sequence, floor: submit.floor,
            replyBytesUnderWay: replyBytesUnderWay(besides: submit), rows)
        switch precedent {
        case .none: return false
        case .jobs(let jobs):
            let run = Submitted.Run.accepted(
                first: JobID(rawValue: jobs.first), count: UInt16(jobs.count))
            reply(Submitted(durability: .disk, isRepeated: true, runs: [run]), to: request)
        case .reply(let bytes):
            var answer = try Submitted(body: ByteBuffer(bytes: bytes))
            answer.isRepeated = true
            replyAtLength(answer, to: request)
        case .forgotten(let floor):
            throw WireError(
                .sequenceForgotten, limit: floor, actual: submit.sequence,
                "sequence \(submit.sequence) is below the producer's floor of \(floor): its answer is forgotten"
            )
        case .lost:
            throw WireError(
                .sequenceForgotten, limit: .max, actual: submit.sequence,
                "the record of this producer's answers was damaged: nobody knows whether \(submit.sequence) "
                    + "was accepted; submit new jobs with a new producer number"
            )
        case .tooFarAhead(let floor):
            throw WireError(
                .sequenceAhead, limit: floor + EngineLimits.producerWindowMax,
                actual: submit.sequence,
                "sequence \(submit.sequence) is too far above the floor of \(floor)"
            )
        }
        return true
    }

    func remember(
        _ tally: SubmitTally, _ submit: SubmitView, _ out: ByteBuffer, from start: Int,
        _ rows: borrowing Transaction
    ) throws {
        if tally.accepted == submit.count {
            let jobs = JobRun(first: tally.first, count: UInt32(tally.accepted))
            try engine.remember(producer: submit.producer, sequence: submit.sequence, jobs, rows)
        } else if tally.accepted + tally.existing > 0 {
            try engine.remember(
                producer: submit.producer, sequence: submit.sequence,
                reply: body(of: out, from: start), rows)
        }
    }

    /// The body of the message that begins at `start`, whatever the number of its frames.
    private func body(of out: ByteBuffer, from start: Int) -> [UInt8] {
        var frames = out.getSlice(at: start, length: out.writerIndex - start) ?? ByteBuffer()
        var body: [UInt8] = []
        while let frame = frames.readFrame() {
            body.append(contentsOf: frame.body.readableBytesView)
        }
        return body
    }
}
