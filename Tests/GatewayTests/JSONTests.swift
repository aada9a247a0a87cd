import Foundation
import MartletClient
import MartletWire
import Testing

struct JSONTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399.999, "2000-02-28T23:59:59.999Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (951_868_800, "2000-03-01T00:00:00.000Z"),
        (1_709_164_800, "2024-02-29T00:00:00.000Z"),
        (1_735_689_599.001, "2024-12-31T23:59:59.001Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
    ])
    func `an instant is written as RFC 3339 with milliseconds`(seconds: Double, text: String) {
        #expect(RFC3339.text(Date(timeIntervalSince1970: seconds)) == text)
    }

    @Test func `instants agree with Foundation's over four centuries`() {
        let formatter = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for day in stride(from: 0.0, to: 146_097, by: 37) {
            let date = Date(timeIntervalSince1970: day * 86_400 + day)
            #expect(RFC3339.text(date) == date.formatted(formatter))
        }
    }

    @Test func `what may be above 2⁵³ is no number`() {
        let reasons = [
            Explanation.Reason(.running, number: 1 << 60, sentence: "it runs"),
            Explanation.Reason(.inLine, number: 4, sentence: "4 jobs are ahead"),
        ]
        let explanation = JobExplanation(
            Explanation(id: JobID(rawValue: 7), state: .running, reasons: reasons))
        let text = ExplanationJSON(explanation).object.text
        #expect(text.contains(#""number":0,"session":"1000000000000000""#))
        #expect(text.contains(#""number":4,"session":null"#))
        let event = JobEvent(
            offset: 1 << 60, at: 0, id: JobID(rawValue: 7), state: nil, kind: .deleted, attempt: 1,
            queue: "q", type: "t")
        let object = EventJSON(JobEvents.Event(event)).object
        #expect(object.text.hasPrefix(#"{"offset":"1152921504606846976","#))
    }

    @Test func `members keep their order and every text survives`() throws {
        let text = "a\"b\\c\n\r\t\u{1}\u{2028}é漢🐦"
        var object = JSONObject()
        object.set("z", text)
        object.set("a", 1)
        object.set("none", String?.none)
        object.set("flag", true)
        object.set("half", 0.5)
        object.set("nan", Double.nan)
        #expect(object.text.hasPrefix(#"{"z":"#))
        #expect(object.text.hasSuffix(#","a":1,"none":null,"flag":true,"half":0.5,"nan":null}"#))
        #expect(!object.text.contains("\n"))
        let read = try JSONSerialization.jsonObject(with: Data(object.text.utf8)) as? [String: Any]
        #expect(read?["z"] as? String == text)
    }
}
