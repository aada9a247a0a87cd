internal import NIOCore

extension QueueInfo {
    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            name: try reader.text8(), ready: try reader.u64(), running: try reader.u64(),
            scheduled: try reader.u64(), held: try reader.u64(), dead: try reader.u64(),
            completed: try reader.u64(), retained: try reader.u64(),
            oldestReadyAt: try reader.u64(), subscribers: try reader.u32())
        var queue = self
        try reader.options { (tag, option) throws(WireError) in try queue.read(tag, &option) }
        self = queue
    }

    private mutating func read(_ tag: UInt16, _ option: inout WireReader) throws(WireError) {
        switch tag {
        case 1:
            cancelled = try option.u64()
            expired = try option.u64()
        case 2:
            totals = Totals(
                submitted: try option.u64(), died: try option.u64(), cancelled: try option.u64(),
                expired: try option.u64())
        case 3:
            rates = Rates(
                submitted: try option.u32(), completed: try option.u32(),
                failed: try option.u32())
        case 4: waitingBytes = try option.u64()
        case 5:
            paused = Paused(
                since: try option.u64(), by: try option.text8(), reason: try option.text16())
        case 6: drainingSince = try option.u64()
        case 7: settings = try QueueSettings(from: &option)
        case 8: payloads = PayloadBytes(raw: try option.u64(), carried: try option.u64())
        default: option.skip()
        }
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(name)
        buffer.writeMultipleIntegers(
            ready, running, scheduled, held, dead, completed, retained, oldestReadyAt, subscribers,
            endianness: .little)
        writeCounts(to: &buffer)
        if let paused { buffer.writeOption(5) { paused.write(to: &$0) } }
        buffer.writeOption(6, drainingSince)
        if !settings.isEmpty { buffer.writeOption(7) { settings.write(to: &$0) } }
        guard payloads != PayloadBytes() else { return }
        buffer.writeOption(8) {
            $0.writeMultipleIntegers(payloads.raw, payloads.carried, endianness: .little)
        }
    }

    /// Options 1 to 4, of which those that are all zero are left out.
    private func writeCounts(to buffer: inout ByteBuffer) {
        if cancelled != 0 || expired != 0 {
            buffer.writeOption(1) {
                $0.writeMultipleIntegers(cancelled, expired, endianness: .little)
            }
        }
        if totals != Totals() { buffer.writeOption(2) { totals.write(to: &$0) } }
        if rates != Rates() { buffer.writeOption(3) { rates.write(to: &$0) } }
        if waitingBytes != 0 { buffer.writeOption(4, waitingBytes) }
    }
}

extension QueueInfo.Totals {
    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(submitted, died, cancelled, expired, endianness: .little)
    }
}

extension QueueInfo.Rates {
    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(submitted, completed, failed, endianness: .little)
    }
}

extension QueueInfo.Paused {
    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(since)
        buffer.writeText8(by.truncated(toUTF8Bytes: Int(UInt8.max)))
        buffer.writeText16(reason.truncated(toUTF8Bytes: Limits.actionReasonBytesMax))
    }
}
