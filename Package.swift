// swift-tools-version: 6.2
// The architecture, read from top to bottom as the flow of a job.
import PackageDescription

/// Warnings are errors in our own builds (`make` sets this), never for those who depend on us.
let strict = Context.environment["MARTLET_STRICT"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "MartletClient", targets: ["MartletClient"]),
        .library(name: "MartletWorker", targets: ["MartletWorker"]),
        .library(name: "MartletTesting", targets: ["MartletTesting"]),
        .executable(name: "martlet", targets: ["martlet"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // Bytes: what travels between the processes.
        .target(name: "CMartletChecksum"),
        .target(
            name: "MartletWire", dependencies: ["CMartletChecksum", nioCore],
            swiftSettings: settings),

        // The submitter and the worker: the only ones that touch zstd.
        .systemLibrary(
            name: "CMartletZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(
            name: "MartletCompression", dependencies: ["CMartletZstd"], swiftSettings: settings),
        .target(
            name: "MartletClient",
            dependencies: [
                "MartletWire", "MartletCompression", nioCore, nioPosix, logging, lifecycle,
            ],
            swiftSettings: settings),
        .target(
            name: "MartletWorker",
            dependencies: [
                "MartletClient", "MartletWire", "MartletCompression", nioCore, nioPosix, logging,
                lifecycle,
                subprocess, system,
            ],
            swiftSettings: settings),

        // The front door.
        .target(
            name: "Gateway",
            dependencies: [
                "MartletWire", "MartletCompression", "MartletClient", nioCore, nioPosix, logging,
                lifecycle,
                hummingbird,
            ],
            swiftSettings: settings),

        // The queue: rules over rows over a log; the turn and its server.
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .target(name: "CMartletDisk"),
        .target(
            name: "Store", dependencies: ["CLMDB", "CMartletChecksum", "CMartletDisk"],
            swiftSettings: settings),
        .target(name: "Engine", dependencies: ["Store"], swiftSettings: settings),
        .target(
            name: "Broker",
            dependencies: [
                "Engine", "Store", "MartletWire", nioCore, nioPosix, logging, lifecycle,
            ],
            swiftSettings: settings),

        // A broker, a worker and a client in a user's own tests.
        .target(
            name: "MartletTesting",
            dependencies: ["Broker", "MartletWorker", "MartletClient", nioCore, logging],
            swiftSettings: settings),

        // The executable: every process and every tool is a subcommand.
        .target(
            name: "Bench",
            dependencies: [
                "MartletWire", "MartletCompression", nioCore, nioPosix, histogram, subprocess,
                system,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "MartletClient", "MartletWorker", "MartletCompression", "MartletWire", "Broker",
                "Gateway", "Bench",
                nioCore, nioPosix, logging, lifecycle, signals, arguments, configuration,
                subprocess, system,
            ],
            swiftSettings: settings),
        // Tests: of each module by itself, and of the built binary from outside.
        .testTarget(name: "StyleTests", swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["MartletClient", "MartletWire", nioCore, nioPosix],
            path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(
            name: "WireTests", dependencies: ["TestSupport", "MartletWire", nioCore],
            swiftSettings: settings),
        .testTarget(
            name: "StoreTests", dependencies: ["TestSupport", "Store"], swiftSettings: settings),
        .testTarget(
            name: "EngineTests", dependencies: ["TestSupport", "Engine", "Store"],
            swiftSettings: settings),
        .testTarget(
            name: "CompressionTests", dependencies: ["MartletCompression", "CMartletZstd"],
            swiftSettings: settings),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "TestSupport", "MartletClient", "MartletWire", "MartletCompression", nioCore,
                nioPosix, nioEmbedded, logging, lifecycle,
                unixSignals,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "TestSupport", "MartletWorker", "MartletClient", "MartletWire",
                "MartletCompression", "Broker", nioCore, nioPosix, logging, lifecycle, signals,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BrokerTests",
            dependencies: [
                "TestSupport", "Broker", "MartletClient", "MartletWire", nioCore, nioPosix,
                nioEmbedded, logging, lifecycle,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "TestSupport", "Gateway", "Broker", "MartletClient", "MartletWire",
                "MartletCompression", nioCore, nioPosix, logging, lifecycle,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BenchTests",
            dependencies: ["TestSupport", "Bench", "MartletWire", nioCore, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "TestingTests",
            dependencies: [
                "TestSupport", "MartletTesting", "MartletWorker", "MartletClient", nioCore,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CommandLineTests", dependencies: ["martlet", "MartletClient"],
            swiftSettings: settings),
        .testTarget(name: "IntegrationTests", dependencies: ["martlet"], swiftSettings: settings),

        // What `make bench-check` counts instructions and allocations of.
        .executableTarget(
            name: "JobCost",
            dependencies: [
                "Broker", "MartletClient", "MartletWorker", "MartletWire", nioCore, nioPosix,
                nioEmbedded, logging, lifecycle,
            ],
            path: "Tests/JobCost", exclude: ["check", "thresholds"], swiftSettings: settings),
    ]
)
