import Foundation

/// A library that is loaded ahead of the system's. Writes to a log fail, or one of them waits, when it is told to.
struct BrokenDisk: Sendable {
    private let library: String
    private let log: String
    /// What the names of the files begin with that both sides leave for the other.
    private let signs: String

    private enum Sign: String {
        case fail, misplace, hold
    }

    /// A pipe at which each side waits for the other.
    enum Meeting: String, CaseIterable {
        /// A write is held.
        case held
        /// Another write has passed it.
        case overtaken
        /// The held one goes on.
        case goOn
    }

    /// - Parameter log: the directory whose segments it is about; spare ones are left alone.
    init(_ directory: String, log: String) async throws {
        library = directory + "/broken-disk.so"
        signs = directory + "/disk-"
        self.log = log
        guard let compiler = Self.compiler else { throw TestFailure("no C compiler") }
        for meeting in Meeting.allCases {
            guard mkfifo(signs + meeting.rawValue, 0o600) == 0 else {
                throw TestFailure("cannot create \(signs)\(meeting.rawValue)")
            }
        }
        let source = directory + "/broken-disk.c"
        try Self.source.write(toFile: source, atomically: true, encoding: .utf8)
        try await Tool.succeed(
            compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-pthread")
    }

    static let compiler = ["cc", "clang", "gcc"].flatMap { name in
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { "\($0)/\(name)" }
    }.first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Of the process whose disk this is.
    /// - Parameter waits: whether the kernel writes nothing by itself.
    func environment(waits: Bool = false) -> [String: String] {
        var all = ["LD_PRELOAD": library, "BROKEN_DISK_LOG": log, "BROKEN_DISK_SIGNS": signs]
        if waits { all["BROKEN_DISK_WAITS"] = "1" }
        return all
    }

    /// Every write fails from now on, before it is begun.
    func fail() throws { try give(.fail) }

    /// Every write fails from now on, after it was begun where the kernel carries it out by itself.
    func misplace() throws { try give(.misplace) }

    /// The next write is held until it is told to go on; those behind it pass it. To be waited for: that it is
    /// held, and that the first has passed it.
    func hold() throws { try give(.hold) }

    func wait(for meeting: Meeting) throws {
        let pipe = try open(meeting, O_RDONLY | O_NONBLOCK)
        defer { close(pipe) }
        var both = pollfd(fd: pipe, events: 0, revents: 0)
        guard poll(&both, 1, 30_000) == 1 else { throw TestFailure("no write is \(meeting)") }
    }

    /// Leaves the pipe open: who is held may come to it later.
    func goOn() throws { _ = try open(.goOn, O_RDWR) }

    private func open(_ meeting: Meeting, _ mode: Int32) throws -> Int32 {
        let pipe = Foundation.open(signs + meeting.rawValue, mode | O_CLOEXEC)
        guard pipe >= 0 else { throw TestFailure("cannot open \(signs)\(meeting.rawValue)") }
        return pipe
    }

    private func give(_ sign: Sign) throws {
        guard FileManager.default.createFile(atPath: signs + sign.rawValue, contents: nil) else {
            throw TestFailure("cannot create \(signs)\(sign.rawValue)")
        }
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <linux/aio_abi.h>
        #include <pthread.h>
        #include <stdarg.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        typedef ssize_t (*writer)(int, const void *, size_t, off_t);
        typedef long (*caller)(long, ...);

        typedef struct { char path[4096]; } sign;

        static sign named(const char *name) {
            sign s;
            snprintf(s.path, sizeof s.path, "%s%s", getenv("BROKEN_DISK_SIGNS"), name);
            return s;
        }

        static int is_given(const char *name) { return !access(named(name).path, F_OK); }

        static void meet(const char *name, int mode) { close(open(named(name).path, mode)); }

        static int begin_holding(void) { return !rename(named("hold").path, named("holding").path); }

        static void pass(void) {
            if (!rename(named("holding").path, named("overtaking").path)) meet("overtaken", O_WRONLY);
        }

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
            if (is_given("misplace")) {
                errno = EINVAL;
                return -1;
            }
            int is_held = begin_holding();
            if (is_held) {
                meet("held", O_WRONLY);
                meet("goOn", O_RDONLY);
            }
            ssize_t written = write(file, bytes, count, offset);
            if (!is_held) pass();
            return written;
        }

        ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
            return faulty_write("pwrite", file, bytes, count, offset);
        }

        ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
            return faulty_write("pwrite64", file, bytes, count, offset);
        }

        static caller system_call(void) { return (caller)dlsym(RTLD_NEXT, "syscall"); }

        static long submit(long context, struct iocb *write) {
            return system_call()(SYS_io_submit, context, 1L, &write);
        }

        typedef struct {
            long context;
            struct iocb write;
        } held_write;

        static void *held(void *write) {
            held_write *w = write;
            meet("held", O_WRONLY);
            meet("goOn", O_RDONLY);
            submit(w->context, &w->write);
            free(w);
            return NULL;
        }

        /// A write that the kernel carries out. The caller of a held one goes on.
        static long faulty_submit(long context, struct iocb *write) {
            if (is_given("fail")) {
                errno = EIO;
                return -1;
            }
            if (is_given("misplace")) write->aio_offset++;
            if (begin_holding()) {
                held_write *copy = malloc(sizeof *copy);
                *copy = (held_write){ context, *write };
                pthread_t thread;
                return pthread_create(&thread, NULL, held, copy) ? -1 : 1;
            }
            long submitted = submit(context, write);
            pass();
            return submitted;
        }

        long syscall(long number, ...) {
            long a[6];
            va_list list;
            va_start(list, number);
            for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
            va_end(list);
            if (number == SYS_io_setup && getenv("BROKEN_DISK_WAITS")) {
                errno = ENOSYS;
                return -1;
            }
            if (number == SYS_io_submit && a[1] == 1) {
                struct iocb *write = **(struct iocb ***)&a[2];
                if (is_log((int)write->aio_fildes)) return faulty_submit(a[0], write);
            }
            return system_call()(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        }
        """
}
