import Foundation
import MartletClient
import Testing

@testable import martlet

/// What people write on the command line, and what it means.
struct ArgumentTests {
    @Test(arguments: [
        ("90s", 90_000), ("5m", 300_000), ("2h", 7_200_000), ("7d", 604_800_000), ("250ms", 250),
        ("1.5s", 1500), ("30", 30_000), ("0", 0),
    ])
    func `a time is a number and its unit`(text: String, milliseconds: UInt64) {
        #expect(TimeSpan(argument: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["", "s", "5x", "-5s", "5 s", "1e3s", "5s5", "٣s", "99999999999999999999d"])
    func `a time that is none is refused`(text: String) {
        #expect(TimeSpan(argument: text) == nil)
    }

    @Test func `an instant is RFC 3339, in any zone`() {
        let ten = Date(timeIntervalSince1970: 1_795_341_600)
        for text in [
            "2026-11-22T10:00:00Z", "2026-11-22T10:00Z", "2026-11-22t10:00:00z",
            "2026-11-22 10:00:00Z", "2026-11-22T11:30:00+01:30", "2026-11-22T10:00:00.000Z",
        ] {
            #expect(Instant(argument: text)?.date == ten, "\(text)")
        }
        #expect(Instant(argument: "2026-11-22T10:00:00.250Z")?.date == ten + 0.25)
        #expect(Instant(argument: "2026-11-22")?.date == ten - 36_000)
    }

    @Test(arguments: [
        "", "yesterday", "10:00", "2026-11-22T10:00:00", "2026-13-01", "2026-11-22T25:00:00Z",
        "2026-11-22T10:00:00Z and more", "5m",
    ])
    func `an instant that is none is refused`(text: String) {
        #expect(Instant(argument: text) == nil)
    }

    @Test func `a past instant may be how long ago it is`() throws {
        let ago = try #require(PastInstant(argument: "2h")).date
        #expect(abs(ago.timeIntervalSinceNow + 7200) < 5)
        let date = Date(timeIntervalSince1970: 1_795_305_600)
        #expect(PastInstant(argument: "2026-11-22")?.date == date)
        #expect(PastInstant(argument: "soon") == nil)
    }

    @Test func `a backoff names its kind, then its numbers`() {
        typealias Backoff = JobOptions.RetryBackoff
        let hour = Duration.seconds(3600)
        let expected: [(String, Backoff)] = [
            ("none", .immediate), ("fixed:10s", .fixed(.seconds(10))),
            ("fixed:10s,jitter=full", .fixed(.seconds(10), jitter: .full)),
            ("exponential", .exponential(base: .seconds(1), factor: 2, cap: hour)),
            ("exponential:5s", .exponential(base: .seconds(5), factor: 2, cap: hour)),
            ("exponential:5s,1.5", .exponential(base: .seconds(5), factor: 1.5, cap: hour)),
            (
                "exponential:5s,3,10m,jitter=none",
                .exponential(base: .seconds(5), factor: 3, cap: .seconds(600), jitter: .none)
            ),
        ]
        for (text, backoff) in expected {
            #expect(BackoffArgument(argument: text)?.backoff == backoff, "\(text)")
        }
        #expect(
            JobOptions.RetryBackoff.exponential(base: .seconds(5)).text
                == "exponential:5s,2.0,1h,jitter=full")
    }

    @Test(arguments: [
        "", "5", "none:1s", "none,jitter=full", "fixed", "fixed:", "fixed:1s,2", "linear:1s",
        "exponential:", "exponential:1s,0.5", "exponential:1s,11", "exponential:1s,2,1h,4",
        "exponential:1s,jitter=some",
    ])
    func `a backoff that is none is refused`(text: String) {
        #expect(BackoffArgument(argument: text) == nil)
    }

    @Test func `retention is for all outcomes or for some`() throws {
        var options = JobOptions()
        try #require(RetainArgument(argument: "completed=1h,dead=7d")).apply(to: &options)
        #expect(
            options == JobOptions(retainCompleted: .seconds(3600), retainDead: .seconds(604_800)))
        try #require(RetainArgument(argument: "0")).apply(to: &options)
        #expect(
            options
                == JobOptions(
                    retainCompleted: .zero, retainDead: .zero, retainCancelled: .zero,
                    retainExpired: .zero))
    }

    @Test(arguments: ["", "completed", "completed=", "done=1h", "dead=1h,dead=2h", "dead=1h,"])
    func `retention that is none is refused`(text: String) {
        #expect(RetainArgument(argument: text) == nil)
    }

    @Test(arguments: [
        ("500000", 500_000), ("64k", 64_000), ("1.5M", 1_500_000), ("2G", 2_000_000_000),
        ("2GiB", 2 << 30), ("1kb", 1000), ("0", 0),
    ])
    func `a size is a number and its unit`(text: String, bytes: UInt64) {
        #expect(ByteSize(argument: text)?.bytes == bytes)
    }

    @Test(arguments: ["", "k", "-1", "5 M", "5x", "99999T"])
    func `a size that is none is refused`(text: String) {
        #expect(ByteSize(argument: text) == nil)
    }

    @Test func `a header is a name and a value`() {
        #expect(HeaderArgument(argument: "traceparent=00-ab=cd")?.value == "00-ab=cd")
        #expect(HeaderArgument(argument: "x-name: some: words")?.value == "some: words")
        #expect(HeaderArgument(argument: "x-name: some: words")?.name == "x-name")
        #expect(HeaderArgument(argument: "empty=")?.value == "")
        for text in ["", "word", "=value", ": value"] {
            #expect(HeaderArgument(argument: text) == nil, "\(text)")
        }
    }

    @Test func `a key's scope is a word or a time`() {
        #expect(UniqueScopeArgument(argument: "waiting")?.scope == .waiting)
        #expect(UniqueScopeArgument(argument: "active")?.scope == .active)
        #expect(UniqueScopeArgument(argument: "24h")?.scope == .period(.seconds(86_400)))
        #expect(UniqueScopeArgument(argument: "forever") == nil)
    }

    @Test func `a cursor is read as it is written`() {
        let cursor = Cursor(bytes: [0, 1, 0xab, 0xff])
        #expect(cursor.description == "0001abff")
        #expect(Cursor(argument: "0001ABff")?.bytes == cursor.bytes)
        #expect(Cursor(argument: "0001a") == nil)
        #expect(Cursor(argument: "zz") == nil)
        #expect(Cursor(argument: String(repeating: "00", count: 256)) == nil)
    }

    @Test(arguments: [
        (Duration.milliseconds(250), "250ms"), (.milliseconds(1500), "1.5s"),
        (.seconds(90), "1.5m"), (.seconds(7200), "2h"), (.seconds(604_800), "7d"), (.zero, "0ms"),
    ])
    func `a time is shown in the largest unit that fits`(time: Duration, text: String) {
        #expect(Quantity.time(time) == text)
    }

    @Test func `a value that is none is answered with what one looks like`() {
        #expect(
            ValueForm.sentence(for: "The value '5x' is invalid for '--delay <time>'.")
                == "A time is 500ms, 30s, 5m, 2h or 7d.")
        #expect(
            ValueForm.sentence(for: "The value 'a' is invalid for '<count>'.")
                == "It is a whole number.")
        #expect(ValueForm.sentence(for: "Unknown option '--delay <time>'.") == nil)
    }

    @Test func `a time that is too long is refused in its own unit`() {
        #expect(throws: Never.self) {
            try TimeSpan(argument: "365d")?.check("--delay", atMost: .days(365))
        }
        #expect {
            try TimeSpan(argument: "400d")?.check("--delay", atMost: .days(365))
        } throws: { error in
            "\(error)".contains("--delay is 400d; it can be up to 365d.")
        }
    }

    @Test func `a table's lines have no blanks at their end`() {
        var table = Table([.text("A"), .text("B")])
        table.add(["x", "long"])
        table.add(["y", ""])
        #expect(table.lines(for: .output) == ["A  B", "x  long", "y"])
    }
}
