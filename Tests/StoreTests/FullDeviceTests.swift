import Foundation
import Glibc
import Store
import TestSupport
import Testing

/// A store on a file system of a few megabytes: filled, drained, and at work again unaided.
@Suite(.fewAtATime, .timeLimit(.minutes(2)), .enabled(if: SmallDevice.isPossible))
struct FullDeviceTests {
    private let device: SmallDevice

    init() throws {
        device = try SmallDevice(megabytes: 24)
    }

    private func open() throws -> Store {
        var configuration = Store.Configuration.small("\(device.path)/store", segmentBytes: 1 << 20)
        configuration.reserveBytes = 4 << 20
        return try Store.open(configuration)
    }

    /// Submits until the store refuses; returns how many rows are there.
    private func fill(_ store: Store, from first: UInt64) throws -> UInt64 {
        var next = first
        while store.acceptsSubmissions {
            try store.turn { rows in
                for _ in 0..<64 {
                    try rows.put(.jobs, next, String(repeating: "x", count: 1_000), ascending: true)
                    next += 1
                }
            }
            try store.commit(now: 0)
            try store.checkpoint(now: 0)
            try #require(next < first + 100_000, "the device never became full")
        }
        return next
    }

    private func drain(_ store: Store, _ ids: Range<UInt64>) throws {
        for id in ids {
            try #require(try store.delete(.jobs, id))
            if store.checkpointDue(now: 0) || id.isMultiple(of: 100) {
                try store.checkpoint(now: 0)
            }
        }
    }

    @Test func `a full device refuses submissions, settles, and accepts again once drained`() throws
    {
        let store = try open()
        var first: UInt64 = 0
        for _ in 0..<3 {
            let end = try fill(store, from: first)
            #expect(end - first > 1_000)
            try drain(store, first..<end)
            #expect(store.acceptsSubmissions)
            #expect(try store.all(.jobs) == [:])
            first = end
        }
    }

    @Test func `space that returns is found by reserve`() throws {
        let store = try open()
        #expect(store.acceptsSubmissions)
        let ballast = "\(device.path)/ballast"
        try device.fill(ballast)
        _ = try fill(store, from: 0)
        store.reserve()
        #expect(!store.acceptsSubmissions)
        try FileManager.default.removeItem(atPath: ballast)
        store.reserve()
        #expect(store.acceptsSubmissions)
    }

    @Test func `a store that is full is opened again and drained`() throws {
        var store = try open()
        let end = try fill(store, from: 0)
        try device.fill("\(device.path)/ballast")
        try store.close(now: 0)
        store = try open()
        #expect(!store.acceptsSubmissions)
        try drain(store, 0..<end)
        #expect(store.acceptsSubmissions)
    }

    @Test func `a checkpoint without room is an unknown outcome, and the log keeps every turn`()
        throws
    {
        var configuration = Store.Configuration.small("\(device.path)/store", segmentBytes: 1 << 20)
        configuration.reserveBytes = 0
        let store = try Store.open(configuration)
        let ballast = "\(device.path)/ballast"
        try device.fill(ballast)
        for id: UInt64 in 0..<450 { try store.put(.jobs, id, String(repeating: "x", count: 1_000)) }
        let unknown = StoreError.Code.unknownOutcome(errno: ENOSPC)
        #expect(try storeError { try store.checkpoint(now: 0) } == unknown)
        #expect(try storeError { _ = try store.text(.jobs, 1) } == unknown)
        #expect(try storeError { try store.commit(now: 0) } == unknown)
        try FileManager.default.removeItem(atPath: ballast)
        let crashed = "\(device.path)/crashed"
        try FileManager.default.copyItem(atPath: configuration.directory, toPath: crashed)
        configuration.directory = crashed
        let recovered = try Store.open(configuration)
        #expect(recovered.recovery.turnsReplayed > 0)
        #expect(try recovered.all(.jobs).count == recovered.lastTurn)
    }

    @Test func `a device too small for a log segment is refused before anything is there`() throws {
        var configuration = Store.Configuration.small(
            "\(device.path)/store", segmentBytes: 32 << 20)
        configuration.reserveBytes = 0
        #expect(try storeError { _ = try Store.open(configuration) } == .full)
        configuration.segmentBytes = 1 << 20
        #expect(try Store.open(configuration).lastTurn == 0)
    }
}

/// A file system in memory of a given size; only root can make one.
final class SmallDevice {
    static var isPossible: Bool { getuid() == 0 && (try? SmallDevice(megabytes: 1)) != nil }

    let path: String

    init(megabytes: Int) throws {
        path = NSTemporaryDirectory() + "martlet-device-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            try FileManager.default.removeItem(atPath: path)
            throw CocoaError(.fileWriteUnknown)
        }
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Takes what space there is with a file.
    func fill(_ file: String) throws {
        let descriptor = Glibc.open(file, O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        let piece = [UInt8](repeating: 1, count: 4096)
        while write(descriptor, piece, piece.count) > 0 {}
    }
}
