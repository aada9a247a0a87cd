package import NIOCore

/// The answer to `SETTLE`: what became of each item.
package struct Settled: Message {
    package static let opcode = Opcode.settled

    /// In the order of the items.
    package var runs: [Run]

    /// Neighbours with the same fate.
    package struct Run: Equatable, Sendable {
        package var count: UInt16
        /// `nil`: done.
        package var error: WireError?

        package init(count: UInt16, error: WireError? = nil) {
            self.count = count
            self.error = error
        }
    }

    package init(runs: [Run]) { self.runs = runs }

    package init(from reader: inout WireReader) throws(WireError) {
        let count = Int(try reader.u16())
        let runCount = try reader.u16()
        runs = []
        var described = 0
        for _ in 0..<runCount {
            let run = try Run(from: &reader)
            runs.append(run)
            described += Int(run.count)
        }
        guard described == count else {
            throw .invalidMessage("runs describe \(described.grouped) items of \(count.grouped)")
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(runs.reduce(0) { $0 + Int($1.count) }))
        buffer.writeLittle(UInt16(runs.count))
        for run in runs { run.write(to: &buffer) }
    }

    /// The next item was carried out (`error` is `nil`) or refused.
    package mutating func append(_ error: WireError?) {
        if let last = runs.last, last.error == error {
            runs[runs.count - 1].count += 1
        } else {
            runs.append(Run(count: 1, error: error))
        }
    }

    /// What became of each item, one by one; `nil`: done.
    package var errors: [WireError?] {
        runs.flatMap { Array(repeating: $0.error, count: Int($0.count)) }
    }
}

extension Settled.Run {
    init(from reader: inout WireReader) throws(WireError) {
        count = try reader.u16()
        let code = ErrorCode(rawValue: try reader.u16())
        error = code.rawValue == 0 ? nil : try WireError(itemCode: code, from: &reader)
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(count)
        if let error { error.writeItem(to: &buffer) } else { buffer.writeLittle(UInt16(0)) }
    }
}
