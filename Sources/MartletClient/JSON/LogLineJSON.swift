/// A line that a job's handler logged, as the command line and HTTP show it.
package struct LogLineJSON: Sendable {
    private let line: JobLog.Line

    package init(_ line: JobLog.Line) {
        self.line = line
    }

    package var object: JSONObject {
        var object = JSONObject()
        object.set("offset", line.offset)
        object.set("at", line.at)
        object.set("attempt", line.attempt)
        object.set("text", line.text)
        return object
    }
}
