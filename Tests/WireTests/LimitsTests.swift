import MartletWire
import NIOCore
import Testing

/// How the limits bound each other.
struct LimitsTests {
    @Test func `a frame before WELCOME is smaller than one after it`() {
        #expect(Limits.preludeBytesMax < Limits.frameBytesMax)
    }

    @Test func `a cut frame is allowed and a message fits the in-flight bytes`() {
        #expect(Limits.splitBytes <= Limits.frameBytesMax)
        #expect(Limits.messageBytesMax() <= Limits.bytesInFlightMax)
    }

    @Test func `a job with the largest payload and result fits a message`() {
        let largest = 2 * (Limits.payloadBytesMax + PayloadHead.byteCount)
        let texts = Limits.reasonBytesMax + Limits.progressMessageBytesMax + 2 * 255
        #expect(largest + texts + 200 <= Limits.messageBytesMax())
    }

    @Test func `the largest payload that can be configured fits a u32 length`() {
        let bytes = Limits.messageBytesMax(payloadBytesMax: Limits.payloadBytesCeiling)
        #expect(UInt32(exactly: bytes) != nil)
        #expect(Limits.payloadBytesMax <= Limits.payloadBytesCeiling)
    }

    @Test func `a full batch of small jobs fits a frame`() {
        #expect(Limits.batchMax * (256 + PayloadHead.byteCount + 2) + 512 <= Limits.frameBytesMax)
    }

    @Test func `an answer in which every item was refused for its own reason fits a frame`() {
        let refusals = (0..<Limits.batchMax).map { index in
            let sentence = String(repeating: "x", count: 1_000) + "\(index)"
            return Submitted.Run.refused(WireError(.optionInvalid, "\(index)" + sentence), count: 1)
        }
        var body = ByteBuffer()
        Submitted(durability: .disk, runs: refusals).write(to: &body)
        #expect(body.readableBytes == Limits.submittedBytesMax(items: Limits.batchMax))
        #expect(body.readableBytes <= Limits.splitBytes)
        #expect(Limits.splitBytes <= Limits.frameBytesMax)
    }

    @Test func `counts fit the fields that carry them`() {
        #expect(Limits.batchMax <= Int(UInt16.max))
        #expect(Limits.creditJobsMax <= Int(UInt16.max))
        #expect(Limits.queueNameBytesMax <= Int(UInt8.max))
        #expect(Limits.typeBytesMax <= Int(UInt8.max))
        #expect(Limits.reasonBytesMax <= Int(UInt16.max))
    }

    @Test func `a page of jobs with the longest errors fits a message`() {
        let job = 60 + 2 * 256 + Limits.reasonBytesMax + Limits.progressMessageBytesMax + 60
        #expect(Int(Limits.listLimitMax) * job <= Limits.messageBytesMax())
    }

    @Test func `grace is shorter than a lease, a lease shorter than silence`() {
        #expect(Limits.graceMilliseconds < Limits.leaseMilliseconds)
        #expect(Limits.leaseMilliseconds < Limits.idleMilliseconds)
        let range = Limits.leaseMillisecondsMin...Limits.leaseMillisecondsMax
        #expect(range.contains(Limits.leaseMilliseconds))
    }

    @Test func `a producer may have every request of a channel in flight`() {
        #expect(UInt64(Limits.requestsInFlightMax) <= Limits.producerWindowMax)
    }

    @Test func `defaults of a job's options are in their ranges`() {
        let defaults = SubmitOptions(
            maxAttempts: Limits.maxAttemptsDefault,
            backoff: .init(
                baseMilliseconds: Limits.backoffBaseMillisecondsDefault,
                capMilliseconds: Limits.backoffCapMillisecondsDefault),
            retainCompletedMilliseconds: Limits.retainCompletedMillisecondsDefault,
            retainDeadMilliseconds: Limits.retainDeadMillisecondsDefault)
        #expect(defaults.refusal == nil)
    }
}
