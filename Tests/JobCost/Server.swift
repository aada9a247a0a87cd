import Broker
import Foundation
import Logging
import NIOCore

/// A broker for `ClientCost`, in a process of its own: says its port, and serves until its standard input ends.
func serve(directory: String) throws {
    var configuration = BrokerConfiguration(directory: directory, port: 0)
    configuration.segmentBytes = 8 << 20
    configuration.reserveBytes = 8 << 20
    let broker = Broker(configuration, logger: .critical)
    Task.detached { try await broker.run() }
    try waitFor {
        let port = try await broker.address().port ?? 0
        FileHandle.standardOutput.write(Data("\(port)\n".utf8))
    }
    while readLine() != nil {}
}
