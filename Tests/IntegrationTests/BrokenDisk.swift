import Foundation

/// A library that is loaded ahead of the system's. Writes to a log fail, or one of them waits, when it is told to.
struct BrokenDisk: Sendable {
    private let library: String
    private let log: String
    /// Where both sides leave files for the other to see.
    private let signs: String

    enum Sign: String {
        case fail, slow, hold, held, overtaken, goOn
    }

    /// - Parameter log: the directory whose segments it is about; spare ones are left alone.
    init(_ directory: String, log: String) async throws {
        library = directory + "/broken-disk.so"
        signs = directory + "/disk-"
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
        ["LD_PRELOAD": library, "BROKEN_DISK_LOG": log, "BROKEN_DISK_SIGNS": signs]
    }

    /// Every write fails from now on.
    func fail() throws { try give(.fail) }

    /// Every write takes some milliseconds from now on.
    func slowDown() throws { try give(.slow) }

    /// The next write waits, and those behind it pass it, until `goOn`.
    func hold() throws { try give(.hold) }

    func goOn() throws { try give(.goOn) }

    private func give(_ sign: Sign) throws {
        guard FileManager.default.createFile(atPath: signs + sign.rawValue, contents: nil) else {
            throw TestFailure("cannot create \(signs)\(sign.rawValue)")
        }
    }

    /// Waits until a write is held, or another has passed it.
    func wait(for sign: Sign) throws {
        let deadline = Date(timeIntervalSinceNow: 30)
        while !FileManager.default.fileExists(atPath: signs + sign.rawValue) {
            guard Date.now < deadline else { throw TestFailure("no write is \(sign.rawValue)") }
            usleep(1_000)
        }
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>

        typedef ssize_t (*writer)(int, const void *, size_t, off_t);

        typedef struct { char path[4096]; } sign;

        static sign named(const char *name) {
            sign s;
            snprintf(s.path, sizeof s.path, "%s%s", getenv("BROKEN_DISK_SIGNS"), name);
            return s;
        }

        static int is_given(const char *name) { return !access(named(name).path, F_OK); }

        static void give(const char *name) { close(open(named(name).path, O_CREAT | O_WRONLY, 0600)); }

        static int is_log(int file) {
            const char *log = getenv("BROKEN_DISK_LOG");
            if (!log || !getenv("BROKEN_DISK_SIGNS")) return 0;
            char link[64], path[4096];
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length < 0) return 0;
            path[length] = 0;
            return !strncmp(path, log, strlen(log)) && !strstr(path, "/spare-");
        }

        static ssize_t faulty_write(
            const char *name, int file, const void *bytes, size_t count, off_t offset
        ) {
            writer write = (writer)dlsym(RTLD_NEXT, name);
            if (!is_log(file)) return write(file, bytes, count, offset);
            if (is_given("fail")) {
                errno = EIO;
                return -1;
            }
            if (is_given("slow")) usleep(5000);
            int is_held = !rename(named("hold").path, named("held").path);
            while (is_held && !is_given("goOn")) usleep(1000);
            ssize_t written = write(file, bytes, count, offset);
            if (!is_held && is_given("held")) give("overtaken");
            return written;
        }

        ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
            return faulty_write("pwrite", file, bytes, count, offset);
        }

        ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
            return faulty_write("pwrite64", file, bytes, count, offset);
        }
        """
}
