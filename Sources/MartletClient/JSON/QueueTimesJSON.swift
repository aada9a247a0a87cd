/// How long jobs of a type waited and ran, as the command line and HTTP show it.
package struct QueueTimesJSON: Sendable {
    private let times: QueueTimes

    package init(_ times: QueueTimes) {
        self.times = times
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("type", times.type)
        object.set("wait", histogram(times.wait))
        object.set("run", histogram(times.run))
        object.set("total", histogram(times.total))
        return object
    }

    /// Percentiles are estimates: right within a factor of two.
    private func histogram(_ histogram: QueueTimes.Histogram) -> JSONObject {
        var object = JSONObject()
        object.set("count", histogram.count)
        object.set("mean_ms", histogram.mean)
        object.set("p50_ms", histogram.percentile(50))
        object.set("p90_ms", histogram.percentile(90))
        object.set("p99_ms", histogram.percentile(99))
        object.set("buckets", histogram.buckets)
        return object
    }
}
