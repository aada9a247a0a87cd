package import NIOCore

/// Asks for a queue's jobs.
package struct Subscribe: Message {
    package static let opcode = Opcode.subscribe

    /// Chosen by the client, unique in its session on this connection.
    package var subscription: UInt32
    package var queue: String
    /// Most deliveries unsettled at a time, 0 to 65,535.
    package var creditJobs: UInt32
    /// Most payload bytes, as carried, unsettled at a time; a larger payload comes when nothing else is unsettled.
    package var creditBytes: UInt32
    /// Lease of each delivery, 1,000 to 43,200,000; 0: the server's default.
    package var leaseMilliseconds: UInt32

    package init(
        subscription: UInt32, queue: String, creditJobs: UInt32, creditBytes: UInt32,
        leaseMilliseconds: UInt32 = 0
    ) {
        self.subscription = subscription
        self.queue = queue
        self.creditJobs = creditJobs
        self.creditBytes = creditBytes
        self.leaseMilliseconds = leaseMilliseconds
    }

    package init(from reader: inout WireReader) throws(WireError) {
        subscription = try reader.u32()
        queue = try reader.text8()
        try Names.check(queue: queue)
        creditJobs = try reader.creditJobs()
        creditBytes = try reader.u32()
        leaseMilliseconds = try reader.u32()
        if leaseMilliseconds != 0 { try checkLease(leaseMilliseconds, "lease_milliseconds") }
        try reader.skipOptions()
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(subscription)
        buffer.writeText8(queue)
        buffer.writeLittle(creditJobs)
        buffer.writeLittle(creditBytes)
        buffer.writeLittle(leaseMilliseconds)
    }
}

/// Ends a subscription; what was delivered stays leased.
package struct Unsubscribe: Message {
    package static let opcode = Opcode.unsubscribe

    package var subscription: UInt32

    package init(subscription: UInt32) { self.subscription = subscription }

    package init(from reader: inout WireReader) throws(WireError) {
        subscription = try reader.u32()
    }

    package func write(to buffer: inout ByteBuffer) { buffer.writeLittle(subscription) }
}

/// Gives a subscription new credit in place of the old.
package struct Credit: Message {
    package static let opcode = Opcode.credit

    package var subscription: UInt32
    /// 0 to 65,535.
    package var creditJobs: UInt32
    package var creditBytes: UInt32

    package init(subscription: UInt32, creditJobs: UInt32, creditBytes: UInt32) {
        self.subscription = subscription
        self.creditJobs = creditJobs
        self.creditBytes = creditBytes
    }

    package init(from reader: inout WireReader) throws(WireError) {
        subscription = try reader.u32()
        creditJobs = try reader.creditJobs()
        creditBytes = try reader.u32()
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(subscription, creditJobs, creditBytes, endianness: .little)
    }
}

extension WireReader {
    fileprivate mutating func creditJobs() throws(WireError) -> UInt32 {
        let jobs = try u32()
        guard jobs <= Limits.creditJobsMax else {
            throw .fieldInvalid(
                "credit_jobs", actual: UInt64(jobs), range: 0...UInt64(Limits.creditJobsMax))
        }
        return jobs
    }
}

/// - Throws: `INVALID_MESSAGE` when `milliseconds` can't be a lease.
func checkLease(_ milliseconds: UInt32, _ field: String) throws(WireError) {
    let range = UInt64(Limits.leaseMillisecondsMin)...UInt64(Limits.leaseMillisecondsMax)
    guard range.contains(UInt64(milliseconds)) else {
        throw .fieldInvalid(field, actual: UInt64(milliseconds), range: range)
    }
}
