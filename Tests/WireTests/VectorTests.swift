import Foundation
import MartletWire
import NIOCore
import Testing

/// The golden frames, both ways.
struct VectorTests {
    static let kinds: [any (Message & WithFields).Type] = [
        Act.self, ActAll.self, Acted.self, ActionGet.self, ActionInfo.self, Bye.self,
        Cancellations.self, CheckpointMessage.self, Close.self, Credit.self,
        Dictionaries.self, DictionaryGet.self, DictionaryMessage.self, DictionaryPage.self,
        DictionaryPut.self, DictionaryRetire.self, Done.self, Drain.self, Draining.self, Edit.self,
        ErrorMessage.self, Events.self, Explain.self, Explanation.self,
        Get.self, GroupPage.self, Groups.self, Hello.self, Holding.self, JobInfo.self, JobPage.self,
        Jobs.self,
        List.self, Log.self, LogPage.self, Logs.self, Ping.self, Pong.self, ProgressMessage.self,
        QueueDelete.self, QueuePage.self, QueueSet.self, Queues.self, Settle.self, Settled.self,
        Submit.self, Submitted.self, Subscribe.self, Times.self, TimesPage.self, Unsubscribe.self,
        Unwatch.self, Verified.self, Verify.self, Wait.self, Watch.self, Welcome.self,
    ]

    static let cases: [Case] = kinds.flatMap { kind -> [Case] in
        do {
            let name = kind.opcode.name
            return try VectorFile.load(name.lowercased()).vectors.map {
                Case(kind: name, vector: $0)
            }
        } catch {
            return [Case(kind: kind.opcode.name, vector: nil)]
        }
    }

    @Test(.enabled(if: VectorFile.isRecording))
    func `frames of new vectors are recorded by messages_json`() throws {
        let encoder = CatalogueEncoder(catalogue: try .load())
        for kind in VectorTests.kinds {
            let file = try VectorFile.load(kind.opcode.name.lowercased())
            try file.record(
                file.vectors.map { vector in
                    if vector.readOnly == true { return vector.hex }
                    return try encoder.frames(of: vector, kind.opcode).map { hex($0) }
                })
        }
    }

    @Test func `every message has vectors`() throws {
        #expect(Set(VectorTests.kinds.map { $0.opcode }) == Set(Opcode.allCases))
        #expect(VectorTests.cases.allSatisfy { $0.vector != nil })
    }

    @Test(arguments: cases)
    func `fields give the frames by messages_json`(_ testCase: Case) throws {
        let vector = try #require(testCase.vector)
        guard vector.readOnly != true else { return }
        let encoder = CatalogueEncoder(catalogue: try .load())
        #expect(try encoder.frames(of: vector, testCase.opcode).map { hex($0) } == vector.hex)
    }

    @Test(arguments: cases)
    func `frames give the fields`(_ testCase: Case) throws {
        let vector = try #require(testCase.vector)
        let frame = try #require(try vector.messages(bytesAtATime: Int.max).first)
        #expect(frame.header.opcode == testCase.opcode.rawValue)
        #expect(frame.header.requestID == UInt64(vector.requestID))
        #expect(frame.header.channel == vector.channel ?? 0)
        #expect(try testCase.type.decode(frame.body).fields == vector.message)
    }

    @Test(arguments: cases)
    func `fields give the frames`(_ testCase: Case) throws {
        let vector = try #require(testCase.vector)
        guard vector.readOnly != true else { return }
        let frame = try #require(try vector.messages(bytesAtATime: Int.max).first)
        var buffer = ByteBuffer()
        buffer.write(
            try testCase.type.decode(frame.body), requestID: frame.header.requestID,
            channel: frame.header.channel, splitBytes: vector.splitBytes ?? Limits.splitBytes)
        #expect(hex(buffer.readableBytesView) == vector.hex.joined())
    }

    @Test(arguments: cases)
    func `frames that come byte by byte give the same`(_ testCase: Case) throws {
        let vector = try #require(testCase.vector)
        let whole = try vector.messages(bytesAtATime: Int.max)
        #expect(whole.count == 1)
        #expect(try vector.messages(bytesAtATime: 1) == whole)
        #expect(try vector.messages(bytesAtATime: 7) == whole)
    }

    @Test func `all frames on one connection give the same in pieces of any size`() throws {
        let vectors = VectorTests.cases.compactMap(\.vector)
        let stream = try vectors.flatMap { try #require(bytes(hex: $0.hex.joined())) }
        let expected = try vectors.flatMap { try $0.messages(bytesAtATime: Int.max) }
        #expect(expected.count == vectors.count)
        for size in [1, 15, 16, 17, 100, 1000, 4096, stream.count] {
            #expect(try messages(in: stream, bytesAtATime: size) == expected)
        }
    }
}

extension VectorTests {
    /// A vector and its message's name; without a vector where the file could not be read.
    struct Case: Sendable, CustomTestStringConvertible {
        let kind: String
        let vector: Vector?

        var testDescription: String { "\(kind): \(vector?.name ?? "no file")" }

        var type: any (Message & WithFields).Type {
            VectorTests.kinds.first { $0.opcode.name == kind } ?? Done.self
        }

        var opcode: Opcode { type.opcode }
    }
}

extension CatalogueEncoder {
    func frames(of vector: Vector, _ opcode: Opcode) throws -> [[UInt8]] {
        frames(
            opcode: opcode.rawValue, channel: UInt64(vector.channel ?? 0),
            requestID: try #require(UInt64(vector.requestID)),
            body: try body(opcode.name, vector.message), splitBytes: vector.splitBytes ?? Int.max)
    }
}

extension Message where Self: WithFields {
    fileprivate static func decode(_ body: ByteBuffer) throws -> any Message & WithFields {
        try Self(body: body)
    }
}

extension Vector {
    /// The messages that its frames are, when they come in pieces of that size.
    func messages(bytesAtATime: Int) throws -> [Frame] {
        let stream = try #require(bytes(hex: hex.joined()))
        return try WireTests.messages(in: stream, bytesAtATime: bytesAtATime)
    }
}

/// The messages of a stream of frames that comes in pieces of `bytesAtATime`.
func messages(in stream: [UInt8], bytesAtATime: Int) throws -> [Frame] {
    var splitter = FrameSplitter(expectsPreface: false, frameBytesMax: Limits.frameBytesMax)
    var assembler = MessageAssembler()
    var result: [Frame] = []
    var rest = stream[...]
    while !rest.isEmpty {
        splitter.append(ByteBuffer(bytes: rest.prefix(bytesAtATime)))
        rest = rest.dropFirst(bytesAtATime)
        while var run = try splitter.nextRun() {
            while let frame = run.readFrame() {
                if case .message(let message) = try assembler.accept(frame) {
                    result.append(message)
                }
            }
            #expect(run.readableBytes == 0)
        }
    }
    #expect(splitter.bufferedBytes == 0)
    #expect(assembler.bufferedBytes == 0)
    return result
}
