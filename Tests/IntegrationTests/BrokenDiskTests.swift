import Foundation
import Testing

extension IntegrationTests {
    /// A disk that fails under the log.
    @Suite(
        .enabled(if: BrokenDisk.compiler != nil, "breaking a disk takes a C compiler"),
        .timeLimit(.minutes(2)))
    struct BrokenDiskTests {
        private let ready: UInt8 = 2

        @Test func `a log that can't be written ends the broker with 74, one line, and no loss`()
            async throws
        {
            try await withScratch { directory in
                let data = directory + "/data"
                let disk = try await BrokenDisk(directory, log: data + "/log")
                let broker = try await Server.broker(data: data, environment: disk.environment)
                let accepted = try await blocking { [port = broker.port] in
                    let connection = try RawConnection(port: port)
                    _ = try connection.hello()
                    let ids = try (1...20).flatMap { try connection.submit([[UInt8($0)]], to: "q") }
                    try disk.fail()
                    #expect(throws: RawConnection.Closed.self) {
                        try connection.submit([[21]], to: "q")
                    }
                    return ids
                }
                try await blocking { broker.process.waitUntilExit() }
                #expect(broker.process.status == 74)
                let said = broker.process.saidOnErrors
                    .split(separator: "\n")
                #expect(said.count == 1)
                #expect(
                    said.last == """
                        martlet: appending to the log: Input/output error; \
                        what reached the disk is unknown until the next start.
                        """)
                #expect(accepted.count == 20)
                let next = try await Server.broker(data: data)
                try await blocking { [port = next.port] in
                    let connection = try RawConnection(port: port)
                    _ = try connection.hello()
                    #expect(try connection.counts(of: "q").ready == 20)
                    for id in accepted { #expect(try connection.job(id).state == ready) }
                }
                #expect(try await next.stop() == 0)
            }
        }
    }
}

/// A library that is loaded ahead of the system's and lets writes to a log fail when it is told to.
struct BrokenDisk: Sendable {
    private let library: String
    private let log: String
    private let trigger: String

    /// - Parameter log: the directory whose segments fail; spare ones do not.
    init(_ directory: String, log: String) async throws {
        library = directory + "/broken-disk.so"
        trigger = directory + "/disk-is-broken"
        self.log = log
        guard let compiler = Self.compiler else { throw TestFailure("no C compiler") }
        let source = directory + "/broken-disk.c"
        try Self.source.write(toFile: source, atomically: true, encoding: .utf8)
        try await Tool.succeed(
            compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl")
    }

    static let compiler = ["cc", "clang", "gcc"].flatMap { name in
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { "\($0)/\(name)" }
    }.first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Of the process whose disk this is.
    var environment: [String: String] {
        ["LD_PRELOAD": library, "BROKEN_DISK_LOG": log, "BROKEN_DISK_TRIGGER": trigger]
    }

    /// From now on.
    func fail() throws {
        guard FileManager.default.createFile(atPath: trigger, contents: nil) else {
            throw TestFailure("cannot create \(trigger)")
        }
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>

        typedef ssize_t (*writer)(int, const void *, size_t, off_t);

        static int is_broken(int file) {
            const char *log = getenv("BROKEN_DISK_LOG"), *trigger = getenv("BROKEN_DISK_TRIGGER");
            if (!log || !trigger || access(trigger, F_OK)) return 0;
            char link[64], path[4096];
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length < 0) return 0;
            path[length] = 0;
            return !strncmp(path, log, strlen(log)) && !strstr(path, "/spare-");
        }

        static ssize_t write_unless_broken(
            const char *name, int file, const void *bytes, size_t count, off_t offset
        ) {
            if (is_broken(file)) {
                errno = EIO;
                return -1;
            }
            return ((writer)dlsym(RTLD_NEXT, name))(file, bytes, count, offset);
        }

        ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
            return write_unless_broken("pwrite", file, bytes, count, offset);
        }

        ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
            return write_unless_broken("pwrite64", file, bytes, count, offset);
        }
        """
}
