import MartletWire
import NIOCore
import TestSupport
import Testing

struct FrameSplitterTests {
    @Test func `whole frames come out as one run, without a copy`() throws {
        var bytes = ByteBuffer()
        for id in 1...3 as ClosedRange<UInt64> {
            bytes.write(Ping(bytes: [1, 2, 3]), requestID: id)
        }
        var splitter = FrameSplitter(expectsPreface: false)
        splitter.append(bytes)
        let run = try splitter.nextRun()
        #expect(run == bytes)
        #expect(address(of: run) == address(of: bytes))
        #expect(try splitter.nextRun() == nil)
        #expect(splitter.bufferedBytes == 0)
    }

    @Test func `the beginning of a frame is kept, as a copy, until its end comes`() throws {
        var bytes = ByteBuffer()
        bytes.write(Ping(bytes: [1]), requestID: 1)
        bytes.write(Ping(bytes: [2, 2]), requestID: 2)
        bytes.write(Ping(bytes: [3]), requestID: 3)
        let whole = bytes
        var splitter = FrameSplitter(expectsPreface: false)
        splitter.append(try #require(whole.getSlice(at: 0, length: 17 + 5)))
        #expect(try splitter.nextRun() == whole.getSlice(at: 0, length: 17))
        #expect(try splitter.nextRun() == nil)
        #expect(splitter.bufferedBytes == 5)

        splitter.append(try #require(whole.getSlice(at: 22, length: whole.readableBytes - 22)))
        #expect(try splitter.nextRun() == whole.getSlice(at: 17, length: 18))
        #expect(try splitter.nextRun() == whole.getSlice(at: 35, length: 17))
        #expect(try splitter.nextRun() == nil)
        #expect(splitter.bufferedBytes == 0)
    }

    @Test(arguments: 1...8)
    func `a preface is taken in pieces of any size`(size: Int) throws {
        var splitter = FrameSplitter(expectsPreface: true)
        var bytes = ByteBuffer(bytes: Preface.bytes)
        bytes.write(Ping(), requestID: 1)
        var runs = 0
        while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)),
            piece.readableBytes > 0
        {
            splitter.append(piece)
            while let run = try splitter.nextRun() {
                runs += 1
                #expect(run.readableBytes == 16)
            }
        }
        #expect(runs == 1)
    }

    @Test func `a length above the limit is refused before a byte of the body is kept`() throws {
        var splitter = FrameSplitter(expectsPreface: false, frameBytesMax: 10)
        splitter.append(header(length: 11))
        #expect(
            throwsCode { () throws(ClosingError) in _ = try splitter.nextRun() } == .frameTooLarge)
        splitter = FrameSplitter(expectsPreface: false, frameBytesMax: 10)
        splitter.append(header(length: 10))
        #expect(try splitter.nextRun() == nil)
        #expect(splitter.bufferedBytes == 16)
    }

    @Test func `the limit may be raised while frames come`() throws {
        var splitter = FrameSplitter(expectsPreface: false, frameBytesMax: 0)
        splitter.append(header(length: 0))
        #expect(try splitter.nextRun()?.readableBytes == 16)
        splitter.frameBytesMax = 10
        splitter.append(header(length: 10))
        #expect(try splitter.nextRun() == nil)
    }

    @Test func `frames in front of a broken one are given first`() throws {
        var bytes = ByteBuffer()
        bytes.write(Ping(bytes: [1]), requestID: 1)
        bytes.writeImmutableBuffer(header(length: 0, flags: 0x40))
        var splitter = FrameSplitter(expectsPreface: false)
        splitter.append(bytes)
        #expect(try splitter.nextRun()?.readableBytes == 17)
        #expect(throwsCode { () throws(ClosingError) in _ = try splitter.nextRun() } == .badFrame)
    }

    @Test func `a stream cut anywhere gives the same frames`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SplitMix(seed: seed)
        var stream = ByteBuffer()
        for id in 0..<200 as Range<UInt64> {
            let length = Int.random(in: 0...64, using: &generator)
            stream.write(Ping(bytes: Array(repeating: UInt8(id), count: length)), requestID: id)
        }
        var splitter = FrameSplitter(expectsPreface: false)
        var rest = stream
        var joined = ByteBuffer()
        while rest.readableBytes > 0 {
            let count = min(Int.random(in: 1...300, using: &generator), rest.readableBytes)
            let piece = rest.readSlice(length: count)
            splitter.append(try #require(piece))
            while let run = try splitter.nextRun() {
                var walked = run
                while walked.readFrame() != nil {}
                #expect(walked.readableBytes == 0, "seed \(seed)")
                joined.writeImmutableBuffer(run)
            }
        }
        #expect(joined == stream, "seed \(seed)")
    }

    private func header(length: UInt32, flags: UInt8 = 0) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeFrameHeader(
            FrameHeader(length: length, opcode: 2, flags: FrameFlags(rawValue: flags), requestID: 1)
        )
        return buffer
    }

    private func address(of buffer: ByteBuffer?) -> UnsafeRawPointer? {
        buffer?.withUnsafeReadableBytes { $0.baseAddress }
    }
}

/// The code of the error that `body` throws, if any.
func throwsCode(_ body: () throws(ClosingError) -> Void) -> ErrorCode? {
    do throws(ClosingError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}
