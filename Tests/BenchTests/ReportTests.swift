import MartletWire
import Testing

@testable import Bench

struct ReportTests {
    private var result: WorkloadResult {
        WorkloadResult(
            .submit, options: BenchOptions(target: .server(host: "h", port: 1)), connections: 4,
            outstanding: 256, seconds: 2.5,
            latency: LatencySummary(p50: 2_204, p99: 4_900, p999: 12_345, max: 140_200),
            verdict: DeliveryVerdict(acknowledged: 1_000_000))
    }

    @Test func `rows stand beneath their columns`() {
        let table = ReportTable(version: "1.2.3")
        let header = BenchHeader(
            cores: 2, payloadBytes: 256, durability: .disk,
            append: AppendProbe(p50Microseconds: 161, p99Microseconds: 407, isInMemory: false))
        var result = result
        result.footprint = BrokerFootprint(
            memoryBytes: 83_000_000, storeBytes: 300_000_000, logBytes: 84_000_000)
        let lines = table.lines(for: .started(header)) + table.lines(for: .measured(result))
        let expected = """
            martlet bench 1.2.3   2 cores   256-byte payloads   durability disk (one 4 KiB synchronous \
            append here: p50 0.16 ms, p99 0.41 ms)

                            jobs/s       p50       p99     p99.9       max
            submit         400,000   2.20 ms   4.90 ms   12.3 ms    140 ms    4 connections, 256 outstanding each
                            1,000,000 jobs waiting: memory 83 MB, store 300 MB, log 84 MB (1.50 × the payloads)
            """
        #expect(lines.joined(separator: "\n") == expected)
    }

    @Test func `the lone synchronous client is compared with the disk`() {
        var result = result
        result.workload = .sync
        result.append = AppendProbe(
            p50Microseconds: 1_102, p99Microseconds: 1_500, isInMemory: false)
        let lines = ReportTable(version: "").lines(for: .measured(result))
        #expect(lines.last?.drop { $0 == " " } == "p50 is 2.00 × one append")
    }

    @Test func `the parts of a workload have rows of their own`() {
        var result = result
        (result.workload, result.part) = (.mass, MassChange.reprioritise.rawValue)
        let table = ReportTable(version: "")
        #expect(
            table.lines(for: .measured(result)) == [
                "reprioritise   400,000   2.20 ms   4.90 ms   12.3 ms    140 ms    "
                    + "1,000,000 jobs at once; a PING meanwhile"
            ])
        (result.workload, result.part) = (.retention, KeepingTime.short.rawValue)
        #expect(
            table.lines(for: .measured(result))[0].hasPrefix("keep short     400,000   2.20 ms"))
    }

    @Test func `a directory without a disk is named as such`() {
        let append = AppendProbe(p50Microseconds: 2, p99Microseconds: 3, isInMemory: true)
        let header = BenchHeader(cores: 2, payloadBytes: 256, durability: .disk, append: append)
        let lines = ReportTable(version: "").lines(for: .started(header))
        #expect(lines[0].contains("durability disk (no disk behind this directory; one 4 KiB"))
    }

    @Test func `exactly once is said aloud`() {
        let lines = ReportTable(version: "").lines(
            for: .ended(DeliveryVerdict(acknowledged: 3_150)))
        #expect(lines.last == "every acknowledged job delivered exactly once: 3,150 of 3,150")
    }

    @Test func `where nothing was delivered nothing is said of it`() {
        #expect(ReportTable(version: "").lines(for: .ended(DeliveryVerdict())).isEmpty)
    }

    @Test func `a failure names every count`() {
        let verdict = DeliveryVerdict(acknowledged: 3_150, lost: 1, duplicated: 2, damaged: 3)
        let lines = ReportTable(version: "").lines(for: .ended(verdict))
        #expect(
            lines.last == "FAILED: of 3,150 acknowledged jobs 1 lost, 2 delivered again, 3 damaged")
    }

    @Test func `a JSON line has the names that were promised`() throws {
        let lines = try ReportLines().lines(for: .measured(result))
        #expect(
            lines == [
                #"{"connections":4,"damaged":0,"duplicated":0,"durability":"disk","jobs":1000000,"#
                    + #""jobs_per_second":400000,"lost":0,"max_us":140200,"outstanding":256,"#
                    + #""p50_us":2204,"p999_us":12345,"p99_us":4900,"payload_bytes":256,"#
                    + #""seconds":2.5,"workload":"submit"}"#
            ])
    }

    @Test(arguments: [
        (290.4, "0.29 ms"), (9_994, "9.99 ms"), (9_996, "10.0 ms"), (99_960, "100 ms"),
        (12_345_678, "12,346 ms"), (0, "0.00 ms"),
    ])
    func `milliseconds have three digits`(microseconds: Double, text: String) {
        #expect(ReportTable.milliseconds(microseconds) == text)
    }
}
