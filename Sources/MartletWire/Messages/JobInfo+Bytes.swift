package import NIOCore

extension JobInfo {
    package init(from reader: inout WireReader) throws(WireError) {
        self.init(
            id: JobID(rawValue: try reader.u64()), state: try reader.named("state"),
            attempts: try reader.u16(), failures: try reader.u16(), crashes: try reader.u16(),
            interruptions: try reader.u16(), maxAttempts: try reader.u16(),
            createdAt: try reader.u64(),
            dueAt: try reader.u64(), startedAt: try reader.u64(), finishedAt: try reader.u64(),
            payloadBytes: try reader.u32(), queue: try reader.text8(), type: try reader.text8())
        var job = self
        try reader.options { (tag, option) throws(WireError) in try job.read(tag, &option) }
        self = job
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            id.rawValue, state.rawValue, attempts, failures, crashes, interruptions, maxAttempts,
            createdAt, dueAt, startedAt, finishedAt, payloadBytes, endianness: .little)
        buffer.writeText8(queue)
        buffer.writeText8(type)
        writeAttempt(to: &buffer)
        writeOptions(to: &buffer)
        writeHistory(to: &buffer)
    }

    /// Options 1 to 6.
    private func writeAttempt(to buffer: inout ByteBuffer) {
        buffer.writeOption(1, error)
        if let progress { buffer.writeOption(2) { progress.write(to: &$0) } }
        if let payload { buffer.writeOption(3) { $0.writePayload(payload) } }
        if let result { buffer.writeOption(4) { $0.writePayload(result) } }
        buffer.writeOption(5, leaseEndsAt)
        buffer.writeOption(6, session)
    }

    /// Options 7 to 12.
    private func writeOptions(to buffer: inout ByteBuffer) {
        if priority != Limits.priorityDefault { buffer.writeOption(7, priority) }
        if let tags { buffer.writeOption(8) { $0.writeBytes(tags.bytes) } }
        if let headers { buffer.writeOption(9) { $0.writeBytes(headers.bytes) } }
        if let unique { buffer.writeOption(10) { unique.write(to: &$0) } }
        buffer.writeOption(11, timeoutMilliseconds)
        buffer.writeOption(12, expiresAt)
    }

    /// Options 13 to 21.
    private func writeHistory(to buffer: inout ByteBuffer) {
        buffer.writeOption(13, errorClass)
        buffer.writeOption(14, errorStack)
        buffer.writeOption(15, fingerprint)
        if let cancel { buffer.writeOption(16) { cancel.write(to: &$0) } }
        buffer.writeOption(17, checkpointBytes)
        if let retried { buffer.writeOption(18) { retried.write(to: &$0) } }
        if let logLines {
            buffer.writeOption(19) {
                $0.writeMultipleIntegers(
                    logLines.lowerBound, logLines.upperBound, endianness: .little)
            }
        }
        buffer.writeOption(20, worker)
        buffer.writeOption(21, vanishesAt)
    }

    private mutating func read(_ tag: UInt16, _ option: inout WireReader) throws(WireError) {
        switch tag {
        case 1: error = try option.restText()
        case 2: progress = try JobProgress(from: &option)
        case 3: payload = Payload(try option.payload())
        case 4: result = Payload(try option.payload())
        case 5: leaseEndsAt = try option.u64()
        case 6: session = try option.u64()
        case 7: priority = try option.u8()
        case 8: tags = try JobTags(from: &option)
        case 9: headers = try JobHeaders(from: &option)
        case 10: unique = try HeldKey(from: &option)
        case 11: timeoutMilliseconds = try option.u32()
        case 12: expiresAt = try option.u64()
        case 13: errorClass = try option.restText()
        case 14: errorStack = try option.restText()
        case 15: fingerprint = try option.u64()
        case 16: cancel = try CancelInfo(from: &option)
        case 17: checkpointBytes = try option.u32()
        case 18: retried = try RetryInfo(from: &option)
        case 19: logLines = try option.offsets()
        case 20: worker = try option.restText()
        case 21: vanishesAt = try option.u64()
        default: option.skip()
        }
    }
}

extension JobInfo.HeldKey {
    fileprivate init(from reader: inout WireReader) throws(WireError) {
        self.init(
            scope: try reader.named("unique scope"), isHeld: try reader.u8() != 0,
            until: try reader.u64(), key: try reader.text8())
    }

    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            scope.rawValue, UInt8(isHeld ? 1 : 0), until, endianness: .little)
        buffer.writeText8(key)
    }
}

extension JobInfo.CancelInfo {
    fileprivate init(from reader: inout WireReader) throws(WireError) {
        self.init(
            requestedAt: try reader.u64(), graceEndsAt: try reader.u64(),
            reason: try reader.text16())
    }

    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(requestedAt)
        buffer.writeLittle(graceEndsAt)
        buffer.writeText16(reason.truncated(toUTF8Bytes: Limits.actionReasonBytesMax))
    }
}

extension JobInfo.RetryInfo {
    fileprivate init(from reader: inout WireReader) throws(WireError) {
        self.init(
            count: try reader.u16(), lastAt: try reader.u64(),
            stateBefore: try reader.named("state"))
    }

    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(count, lastAt, stateBefore.rawValue, endianness: .little)
    }
}

extension WireReader {
    fileprivate mutating func offsets() throws(WireError) -> Range<UInt64> {
        let first = try u64()
        let next = try u64()
        guard first <= next else {
            throw .invalidMessage("range of offsets ends before it begins")
        }
        return first..<next
    }
}
