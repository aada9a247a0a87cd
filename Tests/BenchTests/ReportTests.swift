import Foundation
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

    @Test func `phases, bytes and processor time have lines of their own`() {
        var result = result
        let latency = LatencySummary(p50: 1_000, p99: 2_000, p999: 3_000, max: 4_000)
        result.phases = ["start": latency, "acknowledge": latency]
        (result.payloadBytes, result.carriedBytes) = (300, 100)
        result.processor = ProcessorCost(
            from: ProcessorTime(bench: 1, broker: 2), to: ProcessorTime(bench: 2, broker: 5),
            jobs: 1_000_000)
        let notes = ReportTable(version: "").lines(for: .measured(result)).dropFirst().map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        #expect(
            notes == [
                "p50 / p99: push to acknowledge 1.00 ms / 2.00 ms, push to start 1.00 ms / 2.00 ms",
                "a payload of 300 bytes travels as 100: 3.00 ×",
                "processor time a job: broker 3.0 µs, bench 1.0 µs",
            ])
    }

    @Test func `a broker that was killed may deliver again, and not lose`() {
        var result = result
        result.restart = RestartReport(readySeconds: 0.25, firstJobSeconds: 0.5)
        result.duplicated = 3
        #expect(result.isKept && !result.isExact)
        let table = ReportTable(version: "", restarts: true)
        #expect(
            table.lines(for: .measured(result)).last?.trimmingCharacters(in: .whitespaces)
                == "broker killed (SIGKILL): ready after 0.25 s, first job after 0.50 s; "
                + "0 lost, 3 delivered again")
        #expect(
            table.lines(for: .ended(DeliveryVerdict(acknowledged: 10, duplicated: 3))).last
                == "every acknowledged job delivered though the broker was killed: "
                + "10 of 10, 3 delivered again")
        result.lost = 1
        #expect(!result.isKept)
        #expect(
            table.lines(for: .ended(DeliveryVerdict(acknowledged: 10, lost: 1))).last
                == "FAILED: of 10 acknowledged jobs 1 lost, 0 delivered again, 0 damaged")
    }

    @Test func `a distribution is a chart in steps of 1, 2, 5`() {
        var latencies = Latencies()
        latencies.record(from: 0, to: 150_000, count: 300)
        latencies.record(from: 0, to: 900_000, count: 100)
        let distribution = LatencyDistribution(
            workload: .flow, phase: .start, isMain: true, latencies: latencies)
        let lines = ReportTable(version: "").lines(for: .ended(DeliveryVerdict(), [distribution]))
        #expect(
            lines == [
                "", "flow: sent to delivered",
                "     ≤ 0.20 ms   75.00 %  " + String(repeating: "#", count: 40),
                "     ≤ 0.50 ms    0.00 %  ",
                "     ≤ 1.00 ms   25.00 %  " + String(repeating: "#", count: 13),
            ])
    }

    @Test func `rows have as many fields as there are names`() throws {
        let append = BenchHeader(cores: 2, payloadBytes: 256, durability: .disk)
        let rows = ReportRows()
        let lines = rows.lines(for: .started(append)) + rows.lines(for: .measured(result))
        let fields = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        #expect(fields.count == 2)
        let row = Dictionary(uniqueKeysWithValues: zip(fields[0], fields[1]))
        #expect(fields[0].count == fields[1].count)
        #expect(row["workload"] == "submit")
        #expect(row["jobs_per_second"] == "400000.0")
        #expect(row["start_p50_us"] == "")
    }

    @Test(arguments: [
        (290.4, "0.29 ms"), (9_994, "9.99 ms"), (9_996, "10.0 ms"), (99_960, "100 ms"),
        (12_345_678, "12,346 ms"), (0, "0.00 ms"),
    ])
    func `milliseconds have three digits`(microseconds: Double, text: String) {
        #expect(ReportTable.milliseconds(microseconds) == text)
    }
}
