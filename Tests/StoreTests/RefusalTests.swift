import Foundation
import Glibc
import Store
import TestSupport
import Testing

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct RefusalTests {
    private let directory: TestDirectory

    init() throws {
        directory = try TestDirectory()
    }

    private func openError(_ configuration: Store.Configuration? = nil) throws -> StoreError? {
        do {
            _ = try Store.open(configuration ?? .small(directory.store))
            return nil
        } catch {
            return error
        }
    }

    private func createStore() throws {
        let store = try Store.open(.small(directory.store))
        try store.put(.jobs, 1, "one")
        try store.close(now: 0)
    }

    private func replaceInMarker(_ old: String, _ new: String) throws {
        let marker = try String(contentsOfFile: directory.file("MARTLET"), encoding: .utf8)
        #expect(marker.contains(old))
        try Array(marker.replacing(old, with: new).utf8).write(to: directory.file("MARTLET"))
    }

    @Test func `a directory of something else is refused and left as it is`() throws {
        try FileManager.default.createDirectory(
            atPath: directory.store, withIntermediateDirectories: false)
        try Array("hello".utf8).write(to: directory.file("letter.txt"))
        let error = try #require(try openError())
        #expect(error.code == .notADataDirectory)
        #expect(error.message.contains("is not a Martlet data directory"))
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.store)
        #expect(names == ["letter.txt"])
    }

    @Test func `an empty directory, and one below missing ones, is created`() throws {
        try FileManager.default.createDirectory(
            atPath: directory.store, withIntermediateDirectories: false)
        #expect(try openError() == nil)
        #expect(try openError(.small(directory.path + "/a/b/c")) == nil)
    }

    @Test func `a newer directory format is refused with both versions`() throws {
        try createStore()
        try replaceInMarker("format 1", "format 7")
        let error = try #require(try openError())
        #expect(error.code == .newerFormat(found: 7, supported: 1))
        #expect(error.message.contains("7") && error.message.contains("1"))
    }

    @Test func `rows of another format are refused with both versions`() throws {
        try createStore()
        var configuration = Store.Configuration.small(directory.store)
        configuration.formatVersion = 0
        #expect(try openError(configuration)?.code == .newerFormat(found: 1, supported: 0))
        configuration.formatVersion = 2
        #expect(try openError(configuration)?.code == .olderFormat(found: 1, supported: 2))
        configuration.formatVersion = 1
        #expect(try openError(configuration) == nil)
    }

    @Test(arguments: [("martlet", "mortlet"), ("format 1", "format x"), ("format 1", "format 0")])
    func `a damaged marker is refused`(old: String, new: String) throws {
        try createStore()
        try replaceInMarker(old, new)
        #expect(try openError()?.code == .directoryDamaged)
    }

    @Test func `a marker of another log is refused`() throws {
        try createStore()
        let marker = try String(contentsOfFile: directory.file("MARTLET"), encoding: .utf8)
        let other = marker.split(separator: "\n")[0] + "\nlog 0123456789abcdef0123456789abcdef\n"
        try Array(other.utf8).write(to: directory.file("MARTLET"))
        #expect(try openError()?.code == .directoryDamaged)
    }

    @Test func `a store without its data file or its log is refused, not made anew`() throws {
        try createStore()
        let copy = try directory.copyStore(to: "copy")
        for name in ["data.mdb-synced", "data.mdb", "data.mdb-lock"] {
            try directory.remove(directory.file(name))
            #expect(try openError()?.code == .directoryDamaged)
        }
        #expect(!FileManager.default.fileExists(atPath: directory.file("data.mdb")))
        let other = try directory.copyStore(to: "other")
        try Array("no rows".utf8).write(to: other + "/data.mdb")
        #expect(try openError(.small(other))?.code == .directoryDamaged)
        try directory.remove(copy + "/log")
        guard case .logDamaged = try openError(.small(copy))?.code else {
            Issue.record("a store without a log was opened")
            return
        }
    }

    @Test func `a second opener in this process is refused`() throws {
        let store = try Store.open(.small(directory.store))
        let error = try #require(try openError())
        #expect(error.code == .locked(pid: getpid()))
        #expect(error.message.contains("\(getpid())"))
        try store.close(now: 0)
        #expect(try openError() == nil)
    }

    @Test func `a directory that another process holds is refused by its number`() throws {
        try createStore()
        let lock = open(directory.file("lock"), O_RDWR)
        #expect(flock(lock, LOCK_EX) == 0)
        #expect(ftruncate(lock, 0) == 0)
        #expect(pwrite(lock, "4711\n", 5, 0) == 5)
        #expect(try openError()?.code == .locked(pid: 4711))
        close(lock)
        #expect(try openError() == nil)
    }

    @Test func `a closed store refuses every call`() throws {
        let store = try Store.open(.small(directory.store))
        try store.close(now: 0)
        #expect(try storeError { _ = try store.text(.jobs, 1) } == .closed)
        #expect(try storeError { try store.commit(now: 0) } == .closed)
        #expect(try storeError { try store.close(now: 0) } == .closed)
    }
}
