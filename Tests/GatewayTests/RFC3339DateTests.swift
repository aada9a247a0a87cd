import Foundation
import Testing

@testable import Gateway

struct RFC3339DateTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14t22:13:20.5z", 1_700_000_000.5),
        ("2023-11-15T18:09:20+19:56", 1_700_000_000),
        ("2023-11-14T20:13:20.000000-02:00", 1_700_000_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800),
        ("2000-02-29T23:59:60Z", 951_868_800),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ])
    func `an instant is read to the second and its fraction`(text: String, seconds: Double) {
        #expect(Date(rfc3339: text)?.timeIntervalSince1970 == seconds)
    }

    @Test(arguments: [
        "", "now", "2024-01-01", "2024-01-01T12:99:00Z", "2024-01-01T24:00:00Z",
        "2024-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2024-04-31T00:00:00Z",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Z ", "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00+1:00",
        "2024-01-01T00:00:00+24:00", "1969-12-31T23:59:59Z", "24-01-01T00:00:00Z",
    ])
    func `what is no instant is not read`(text: String) {
        #expect(Date(rfc3339: text) == nil)
    }
}
