import MartletWire
import NIOCore
import Testing

struct JobsWriterTests {
    @Test func `deliveries come out as one message with each type named once`() throws {
        var writer = JobsWriter()
        writer.begin(subscription: 4, token: 77, leaseMilliseconds: 30_000)
        let types = ["send", "send", "größe", "send"]
        for (index, type) in types.enumerated() {
            add(UInt64(index + 1), type, "p\(index)", to: &writer)
        }
        #expect(writer.count == 4)

        let jobs = try finish(&writer)
        #expect(jobs.subscription == 4)
        #expect(jobs.token == 77)
        #expect(jobs.leaseMilliseconds == 30_000)
        #expect(jobs.types == ["send", "größe"])
        #expect(jobs.deliveries.map(\.fields.type) == [0, 0, 1, 0])
        #expect(jobs.deliveries.map(\.fields.id.rawValue) == [1, 2, 3, 4])
        #expect(
            jobs.deliveries.map { String(buffer: $0.payload.bytes) } == ["p0", "p1", "p2", "p3"])
    }

    @Test func `the byte count is that of the body`() {
        var writer = JobsWriter()
        writer.begin(subscription: 1, token: 1, leaseMilliseconds: 1)
        for id in 1...9 as ClosedRange<UInt64> {
            add(id, "type-\(id % 4)", "payload", to: &writer)
            var buffer = ByteBuffer()
            writer.finish(push: 1, to: &buffer)
            #expect(buffer.readableBytes == 16 + writer.byteCount)
        }
    }

    @Test func `a writer that begins again has forgotten what it held`() throws {
        var writer = JobsWriter()
        writer.begin(subscription: 1, token: 1, leaseMilliseconds: 1)
        add(1, "old", "old", to: &writer)
        writer.begin(subscription: 2, token: 2, leaseMilliseconds: 2)
        add(9, "new", "new", to: &writer)
        let jobs = try finish(&writer)
        #expect(jobs.subscription == 2)
        #expect(jobs.types == ["new"])
        #expect(jobs.deliveries.map(\.fields.id.rawValue) == [9])
    }

    @Test func `a delivery's options stand behind its payload`() throws {
        let options = DeliveryOptions(
            headers: try JobHeaders([("traceparent", "00-01")]),
            checkpoint: ByteBuffer(string: "page 7"), timeoutMilliseconds: 60_000,
            tags: try JobTags(["a", "b"]), priority: 9)
        var writer = JobsWriter()
        writer.begin(subscription: 1, token: 1, leaseMilliseconds: 1)
        add(1, "t", "plain", to: &writer)
        lend(options) { add(2, "t", "whole", options: $0, to: &writer) }
        lend(options) { view in
            let payload = Payload.plain(ByteBuffer(string: "pieces"))
            ByteBuffer(string: "t").withUnsafeReadableBytes { type in
                payload.bytes.withUnsafeReadableBytes {
                    writer.add(
                        fields(3), type: type, head: payload.head, rest: $0, options: view)
                }
            }
        }
        add(4, "t", "plain", options: DeliveryOptionsView(), to: &writer)
        let jobs = try finish(&writer)
        let none = DeliveryOptions()
        #expect(jobs.deliveries.map(\.options) == [none, options, options, none])
        #expect(jobs.deliveries.map(\.fields.id.rawValue) == [1, 2, 3, 4])
    }

    @Test func `a payload may be written in pieces`() throws {
        var writer = JobsWriter()
        writer.begin(subscription: 1, token: 1, leaseMilliseconds: 1)
        let payload = Payload.plain(ByteBuffer(string: "one two three"))
        payload.bytes.withUnsafeReadableBytes { bytes in
            let parts = [0..<4, 4..<8, 8..<13].map { UnsafeRawBufferPointer(rebasing: bytes[$0]) }
            parts[..<2].withContiguousStorageIfAvailable { pieces in
                writer.add(
                    fields(1), type: UnsafeRawBufferPointer(rebasing: bytes[..<3]),
                    head: payload.head, pieces: pieces, rest: parts[2])
            }
        }
        #expect(try finish(&writer).deliveries.first?.payload == payload)
    }

    @Test func `more types than are searched are still right`() throws {
        var writer = JobsWriter()
        writer.begin(subscription: 1, token: 1, leaseMilliseconds: 1)
        for id in 0..<60 as Range<UInt64> { add(id + 1, "type-\(id % 20)", "x", to: &writer) }
        let jobs = try finish(&writer)
        let names = jobs.deliveries.map { jobs.types[Int($0.fields.type)] }
        #expect(names == (0..<60).map { "type-\($0 % 20)" })
    }

    @Test(arguments: [("few", 9, 1), ("a frame", 200, 3), ("many types", 90, 60), ("long", 3, 1)])
    func `a push in a buffer of its own is the same`(_ what: String, jobs: Int, types: Int) {
        var writer = JobsWriter()
        let payload = String(repeating: "x", count: what == "long" ? 100_000 : 500)
        for round in 1...3 as ClosedRange<UInt64> {
            writer.begin(subscription: 1, token: round, leaseMilliseconds: 1)
            for job in 1...jobs { add(UInt64(job), "type-\(job % types)", payload, to: &writer) }
            var copied = ByteBuffer()
            writer.finish(push: round, channel: 3, to: &copied)
            #expect(writer.take(push: round, channel: 3) == copied)
        }
    }

    @Test func `a large message comes in several frames`() throws {
        var writer = JobsWriter()
        writer.begin(subscription: 1, token: 1, leaseMilliseconds: 1)
        add(1, "t", String(repeating: "x", count: 600_000), to: &writer)
        var buffer = ByteBuffer()
        writer.finish(push: 5, channel: 2, to: &buffer)
        var assembler = MessageAssembler()
        var frames = 0
        var message: Frame?
        while let frame = buffer.readFrame() {
            frames += 1
            #expect(Int(frame.header.length) <= Limits.splitBytes)
            if case .message(let whole) = try assembler.accept(frame) { message = whole }
        }
        #expect(frames == 3)
        let jobs = try Jobs(body: #require(message).body)
        #expect(jobs.deliveries.first?.payload.isIntact == true)
    }

    private func fields(_ id: UInt64) -> DeliveryFields {
        DeliveryFields(id: JobID(rawValue: id), maxAttempts: 20, createdAt: 1)
    }

    /// Lends the options as the broker has them: bytes that lie somewhere.
    private func lend(_ options: DeliveryOptions, _ body: (DeliveryOptionsView) -> Void) {
        let headers = ByteBuffer(bytes: options.headers?.bytes ?? [])
        let tags = ByteBuffer(bytes: options.tags?.bytes ?? [])
        headers.withUnsafeReadableBytes { headers in
            tags.withUnsafeReadableBytes { tags in
                (options.checkpoint ?? ByteBuffer()).withUnsafeReadableBytes { checkpoint in
                    var view = DeliveryOptionsView()
                    view.headers = headers
                    view.tags = tags
                    view.checkpoint = checkpoint
                    view.timeoutMilliseconds = options.timeoutMilliseconds ?? 0
                    view.priority = options.priority
                    body(view)
                }
            }
        }
    }

    private func add(
        _ id: UInt64, _ type: String, _ payload: String, options: DeliveryOptionsView? = nil,
        to writer: inout JobsWriter
    ) {
        ByteBuffer(string: type).withUnsafeReadableBytes { type in
            let payload = Payload.plain(ByteBuffer(string: payload))
            payload.bytes.withUnsafeReadableBytes { bytes in
                writer.add(
                    fields(id), type: type, head: payload.head, rest: bytes, options: options)
            }
        }
    }

    private func finish(_ writer: inout JobsWriter) throws -> Jobs {
        var buffer = ByteBuffer()
        writer.finish(push: 1, to: &buffer)
        let frame = buffer.readFrame()
        #expect(buffer.readableBytes == 0)
        return try Jobs(body: #require(frame).body)
    }
}
