import ArgumentParser
import Broker
import MartletWire

/// Where a broker keeps its jobs and what it allows.
struct BrokerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Directory that holds the jobs; made when it does not exist (MARTLET_DATA).",
            valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("Largest payload (default 16777216).", valueName: "bytes"))
    var payloadBytesMax: Int?

    @Option(
        help: ArgumentHelp(
            "How long a worker whose connection broke keeps its jobs (default 15s).",
            valueName: "time"))
    var grace: TimeSpan?

    var given: [Settings.Key: String?] { [.data: data] }

    func validate() throws {
        if let payloadBytesMax, !(1...Limits.payloadBytesCeiling).contains(payloadBytesMax) {
            throw ValidationError(
                "--payload-bytes-max is \(payloadBytesMax); it can be 1 to \(Limits.payloadBytesCeiling)."
            )
        }
    }

    func configuration(directory: String, listen: ListenAddress) -> BrokerConfiguration {
        var configuration = BrokerConfiguration(
            directory: directory, host: listen.host, port: listen.port)
        configuration.serverName = "martlet/\(Martlet.version)"
        if let payloadBytesMax {
            configuration.limits.payloadBytesMax = UInt32(payloadBytesMax)
            configuration.limits.messageBytesMax = UInt32(
                Limits.messageBytesMax(payloadBytesMax: payloadBytesMax))
        }
        if let grace {
            configuration.limits.graceMilliseconds = UInt32(clamping: grace.milliseconds)
        }
        return configuration
    }
}
