import MartletWire
import NIOCore
import Testing

struct SubmitOptionsTests {
    @Test func `options that say nothing take one word and are empty`() {
        #expect(MemoryLayout<SubmitOptions>.size <= MemoryLayout<Int>.size)
        #expect(SubmitOptions().isEmpty)
        #expect(SubmitOptions(.init()).isEmpty)
        var options = SubmitOptions.with { $0.priority = 3 }
        #expect(!options.isEmpty)
        options.priority = nil
        #expect(options.isEmpty)
        #expect(options == SubmitOptions())
    }

    @Test func `an item's options count before the frame's`() throws {
        let frame = try SubmitOptions.with {
            $0.maxAttempts = 1
            $0.priority = 2
            $0.due = .delay(3)
            $0.tags = try JobTags(["frame"])
        }
        let item = try SubmitOptions.with {
            $0.priority = 9
            $0.due = .at(7)
            $0.headers = try JobHeaders([("n", "v")])
        }
        let both = item.filled(from: frame)
        #expect(both.maxAttempts == 1)
        #expect(both.priority == 9)
        #expect(both.due == .at(7))
        #expect(both.tags?.list == ["frame"])
        #expect(both.headers?.list.map(\.value) == ["v"])
        #expect(SubmitOptions().filled(from: frame) == frame)
        #expect(frame.filled(from: SubmitOptions()) == frame)
    }

    @Test(arguments: SubmitOptionsTests.single)
    func `settings and edits take only some options`(_ tag: UInt16, _ options: SubmitOptions) {
        let isEditable = [9, 10, 11, 12, 13, 15, 16].contains(tag)
        let isDefault = (1...9).contains(tag) || tag == 12 || tag == 13
        #expect((options.editRefusal == nil) == isEditable)
        #expect((options.refusal(outside: SubmitOptions.defaultable) == nil) == isDefault)
    }

    @Test func `an edit may take tags and headers away, a submission has some or does not say`() {
        let options = SubmitOptions.with {
            $0.tags = .empty
            $0.headers = .empty
        }
        #expect(options.editRefusal == nil)
        #expect(options.refusal?.code == .optionInvalid)
    }

    @Test func `tags are found in their bytes`() throws {
        let tags = try JobTags(["a", "customer:7", "größe"])
        #expect(tags.list == ["a", "customer:7", "größe"])
        for (tag, isThere) in [
            ("a", true), ("customer:7", true), ("größe", true), ("customer", false), ("", false),
        ] {
            let found = ByteBuffer(string: tag).withUnsafeReadableBytes { tag in
                tags.bytes.withUnsafeBytes { JobTags.contain(tag, in: $0) }
            }
            #expect(found == isThere, "\(tag)")
        }
    }

    @Test func `bytes that end in the middle of a tag hold only those before it`() {
        let bytes: [UInt8] = [1, 0x61, 5, 0x62]
        let found = bytes.withUnsafeBytes { bytes in
            (
                JobTags.contain(UnsafeRawBufferPointer(rebasing: bytes[1..<2]), in: bytes),
                JobTags.contain(UnsafeRawBufferPointer(rebasing: bytes[3..<4]), in: bytes)
            )
        }
        #expect(found == (true, false))
    }

    @Test func `what can be no tag and no header is refused when it is made`() {
        #expect(throws: WireError.self) { try JobTags([]) }
        #expect(throws: WireError.self) { try JobTags([String(repeating: "x", count: 300)]) }
        #expect(throws: WireError.self) { try JobTags(["a b"]) }
        #expect(throws: WireError.self) { try JobHeaders([]) }
        #expect(throws: WireError.self) { try JobHeaders([("a b", "")]) }
        #expect(throws: WireError.self) { try JobHeaders([("a", "b\r\nc: d")]) }
        #expect(throws: WireError.self) {
            try JobHeaders([("a", String(repeating: "x", count: 70_000))])
        }
    }

    /// Options of which each says one thing, by its tag.
    static let single: [(UInt16, SubmitOptions)] = [
        (1, .with { $0.maxAttempts = 1 }), (2, .with { $0.backoff = .init() }),
        (3, .with { $0.retainCompletedMilliseconds = 1 }),
        (4, .with { $0.retainDeadMilliseconds = 1 }),
        (5, .with { $0.retainCancelledMilliseconds = 1 }),
        (6, .with { $0.retainExpiredMilliseconds = 1 }), (7, .with { $0.maxCrashes = 1 }),
        (8, .with { $0.maxInterruptions = 1 }), (9, .with { $0.priority = 1 }),
        (10, .with { $0.due = .delay(1) }), (11, .with { $0.due = .at(1) }),
        (12, .with { $0.expiresMilliseconds = 1 }), (13, .with { $0.timeoutMilliseconds = 1 }),
        (14, .with { $0.unique = UniqueKey("k", scope: .active) }),
        (15, .with { $0.tags = try? JobTags(["t"]) }),
        (16, .with { $0.headers = try? JobHeaders([("n", "v")]) }),
    ]
}
