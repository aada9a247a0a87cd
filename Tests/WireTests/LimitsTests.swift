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
        #expect(largest + largestJobRecord <= Limits.messageBytesMax())
    }

    @Test func `the largest payload that can be configured fits a u32 length`() {
        let bytes = Limits.messageBytesMax(payloadBytesMax: Limits.payloadBytesCeiling)
        #expect(UInt32(exactly: bytes) != nil)
        #expect(Limits.payloadBytesMax <= Limits.payloadBytesCeiling)
    }

    @Test func `a dictionary fits a frame`() {
        let head = DictionaryPut(type: String(repeating: "t", count: 128), bytes: ByteBuffer())
        var body = ByteBuffer()
        head.write(to: &body)
        #expect(body.readableBytes + Limits.dictionaryBytesMax <= Limits.splitBytes)
        #expect(Limits.dictionariesPerTypeMax <= Limits.dictionariesMax)
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
        #expect(Int(Limits.listLimitMax) * largestJobRecord <= Limits.messageBytesMax())
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
        let defaults = SubmitOptions.with {
            $0.maxAttempts = Limits.maxAttemptsDefault
            $0.backoff = SubmitOptions.Backoff()
            $0.retainCompletedMilliseconds = Limits.retainCompletedMillisecondsDefault
            $0.retainDeadMilliseconds = Limits.retainDeadMillisecondsDefault
            $0.retainCancelledMilliseconds = Limits.retainCancelledMillisecondsDefault
            $0.retainExpiredMilliseconds = Limits.retainExpiredMillisecondsDefault
            $0.priority = Limits.priorityDefault
        }
        #expect(defaults.refusal == nil)
    }

    @Test func `what is not a payload fits a message whatever the payloads' limit is`() {
        let smallest = Limits.messageBytesMax(payloadBytesMax: 1)
        #expect(Limits.checkpointBytesMax + 100 <= smallest)
        #expect(Limits.checkpointBytesMax + Limits.headerBytesMax + 1_000 <= smallest)
        #expect(Limits.logBytesMax + Limits.logLinesMax * 2 + 100 <= smallest)
        #expect(Limits.logBytesMax + Int(Limits.logLimitMax) * 20 + 100 <= smallest)
        let group =
            60 + Limits.queueNameBytesMax + Limits.errorClassBytesMax
            + Limits.groupMessageBytesMax
        #expect(Int(Limits.groupLimitMax) * group + 300 <= smallest)
    }

    @Test func `an ACTED in which every job was refused for its own reason fits a frame`() {
        #expect(Limits.submittedBytesMax(items: Limits.batchMax) <= Limits.frameBytesMax)
    }

    @Test func `lengths of options fit the fields that carry them`() {
        let texts = Limits.headerBytesMax + Limits.tagsMax * (Limits.tagBytesMax + 1)
        #expect(texts + Limits.uniqueKeyBytesMax + 300 <= Int(UInt16.max))
        #expect(Limits.uniqueKeyBytesMax <= Int(UInt8.max))
        #expect(Limits.logLineBytesMax <= Limits.logBytesMax)
        #expect(Limits.logLinesMax <= Limits.logLinesKept)
        #expect(Limits.cancelGraceMillisecondsDefault <= Limits.cancelGraceMillisecondsMax)
    }

    /// All of a `JOB` but payload and result.
    private var largestJobRecord: Int {
        let errors = Limits.reasonBytesMax + Limits.errorClassBytesMax + Limits.errorStackBytesMax
        let tags = Limits.tagsMax * (Limits.tagBytesMax + 1)
        let texts = Limits.progressMessageBytesMax + Limits.actionReasonBytesMax + 4 * 256
        return errors + Limits.headerBytesMax + tags + texts + 21 * 6 + 200
    }
}
