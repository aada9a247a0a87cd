import FoundationEssentials
import Glibc

/// What processes have used of the processor, in seconds: on a machine that others use too it says more than the time.
struct ProcessorTime: Equatable, Sendable {
    var bench = 0.0
    /// `nil` when the broker is not this run's own.
    var broker: Double?

    /// Until now.
    ///
    /// - Parameter process: The broker's.
    static func now(broker process: Int32?) -> ProcessorTime {
        ProcessorTime(bench: own(), broker: process.flatMap(of))
    }

    private static func own() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    private static func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }

    /// `nil` when there is no such process. The 14th and 15th field count clock ticks; the second is a name that may
    /// have spaces.
    private static func of(_ process: Int32) -> Double? {
        guard
            let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = line.lastIndex(of: ")")
        else { return nil }
        let fields = line[name...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13])
        else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// Microseconds of processor time for each job.
package struct ProcessorCost: Codable, Equatable, Sendable {
    package var broker: Double?
    package var bench: Double

    enum CodingKeys: String, CodingKey {
        case broker = "broker_us"
        case bench = "bench_us"
    }

    init(from begin: ProcessorTime, to end: ProcessorTime, jobs: Int) {
        func microseconds(_ seconds: Double) -> Double { seconds * 1e6 / Double(max(1, jobs)) }
        bench = microseconds(end.bench - begin.bench)
        if let first = begin.broker, let last = end.broker, last >= first {
            broker = microseconds(last - first)
        }
    }
}
