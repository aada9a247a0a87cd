import MartletWire
import NIOCore
import Testing

/// Frames written down from the document alone, byte by byte, and not by any encoder.
struct HandComputedTests {
    @Test func `preface and HELLO`() throws {
        let expected: [UInt8] = [
            0x4d, 0x41, 0x52, 0x54, 0x4c, 0x45, 0x54, 0x01,  // MARTLET, version 1
            0x22, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,  // 34 bytes, HELLO, no flags, channel 0
            0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // request id 7
            0x03, 0x61, 0x2f, 0x31,  // client "a/1"
            0x02, 0x00, 0x74, 0x6b,  // token "tk"
            0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80,  // session 2⁶³ + 1
            0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // secret 2
            0x03, 0x00,  // codecs zstd and dictionaries, no flags
            0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x68, 0x69,  // option 1, 2 bytes, host "hi"
        ]
        var buffer = ByteBuffer(bytes: Preface.bytes)
        buffer.write(
            Hello(client: "a/1", token: "tk", session: 1 << 63 + 1, secret: 2, host: "hi"),
            requestID: 7)
        #expect(Array(buffer.readableBytesView) == expected)

        var splitter = FrameSplitter(expectsPreface: true)
        splitter.append(ByteBuffer(bytes: expected))
        var run = try splitter.nextRun()
        let frame = run?.readFrame()
        let hello = try Hello(body: #require(frame).body)
        #expect(hello.client == "a/1")
        #expect(hello.token == "tk")
        #expect(hello.session == 0x8000_0000_0000_0001)
        #expect(hello.secret == 2)
        #expect(hello.host == "hi")
        #expect(hello.processID == nil)
    }

    @Test func `SUBMIT`() throws {
        let expected: [UInt8] = [
            0x48, 0x00, 0x00, 0x00, 0x10, 0x00, 0x02, 0x01,  // 72 bytes, SUBMIT, channel 0x0102
            0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // request id 1
            0x01, 0x71,  // queue "q"
            0x01, 0x74,  // type "t"
            0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // producer 5
            0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // sequence 3
            0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // floor 2
            0x02, 0x01,  // durability disk, ATOMIC
            0x01, 0x00,  // 1 item
            0x00,  // plain
            0x09, 0x00, 0x00, 0x00,  // 9 raw bytes
            0x83, 0x92, 0x06, 0xe3,  // CRC32C 0xe3069283, the check value of RFC 3720's polynomial
            0x09, 0x00, 0x00, 0x00,  // 9 bytes
            0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39,  // "123456789"
            0x08, 0x00,  // 8 bytes of options
            0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x03, 0x00,  // option 1, 2 bytes, max_attempts 3
            0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x04, 0x00,  // option 1, 2 bytes, max_attempts 4
        ]
        let submit = Submit(
            queue: "q", type: "t", producer: 5, sequence: 3, floor: 2, durability: .disk,
            isAtomic: true,
            items: [
                SubmitItem(
                    payload: .plain(ByteBuffer(string: "123456789")),
                    options: .with { $0.maxAttempts = 3 })
            ],
            options: .with { $0.maxAttempts = 4 })
        var buffer = ByteBuffer()
        buffer.write(submit, requestID: 1, channel: 0x0102)
        #expect(Array(buffer.readableBytesView) == expected)

        let frame = buffer.readFrame()
        #expect(try Submit(body: #require(frame).body) == submit)
    }

    @Test func `ERROR`() throws {
        let expected: [UInt8] = [
            0x1b, 0x00, 0x00, 0x00, 0xff, 0x00, 0x00, 0x00,  // 27 bytes, ERROR, no flags, channel 0
            0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // request id 9
            0x04, 0x00,  // FRAME_TOO_LARGE
            0x02,  // CLOSES
            0x00, 0x00, 0x00, 0x00,  // no opinion on retrying
            0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,  // limit 1,048,576
            0x01, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,  // actual 1,048,577
            0x02, 0x00, 0x6e, 0x6f,  // "no"
        ]
        var buffer = ByteBuffer()
        buffer.write(
            ClosingError(
                .frameTooLarge, requestID: 9, limit: 1_048_576, actual: 1_048_577, "no"))
        #expect(Array(buffer.readableBytesView) == expected)

        let frame = buffer.readFrame()
        let message = try ErrorMessage(body: #require(frame).body)
        #expect(message.code == .frameTooLarge)
        #expect(message.closes)
        #expect(!message.isRetryable)
        #expect(message.limit == 1_048_576)
        #expect(message.actual == 1_048_577)
    }
}
