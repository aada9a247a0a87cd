import Foundation
import MartletWire
import NIOCore
import Testing

/// What breaks the rules, and the error it must get.
struct MalformedTests {
    static let cases: [Malformed] = {
        do {
            let data = try Data(contentsOf: VectorFile.url("malformed"))
            return try JSONDecoder().decode([Malformed].self, from: data)
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test func `the file is there`() {
        #expect(MalformedTests.cases.count > 170)
    }

    @Test(arguments: cases, [1, 13, Int.max])
    func `gets the documented answer`(_ malformed: Malformed, bytesAtATime: Int) throws {
        let stream = try #require(bytes(hex: malformed.hex.joined()))
        let replies = TestServer.replies(
            to: stream, stage: malformed.stage, bytesAtATime: bytesAtATime)
        if let answer = malformed.answer {
            let reply = try #require(replies.first)
            #expect(replies.count == 1)
            #expect(reply.error?.code.rawValue == answer.code)
            #expect(reply.error?.code.name == answer.name)
            #expect(reply.error?.closes == reply.error?.code.closes)
            #expect(reply.requestID == UInt64(answer.requestID))
            if let limit = answer.limit { #expect(reply.error?.limit == UInt64(limit)) }
            if let actual = answer.actual { #expect(reply.error?.actual == UInt64(actual)) }
            #expect(reply.error?.message.isEmpty == false)
        } else {
            #expect(replies.map(\.items) == [malformed.items])
        }
    }
}

struct Malformed: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let stage: TestServer.Stage
    let hex: [String]
    let answer: Answer?
    /// The error code of each item, 0 for what is well.
    let items: [UInt16]?

    struct Answer: Decodable, Sendable {
        let code: UInt16
        let name: String
        let requestID: String
        let limit: String?
        let actual: String?

        enum CodingKeys: String, CodingKey {
            case code, name, limit, actual
            case requestID = "request_id"
        }
    }

    var testDescription: String { name }
}
