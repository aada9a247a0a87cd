import Dispatch
import Foundation
import Glibc
import Synchronization

/// A process that was started, leads a process group of its own, and is reaped by a thread that waits
/// for it alone.
final class SpawnedProcess: Sendable {
    /// Numbers of open files that a process gets as its standard input, output and error. All else that tests
    /// open is closed on exec.
    struct Files {
        let input: Int32
        let output: Int32
        let errors: Int32
    }

    let identifier: pid_t
    /// nil while the process is there: then only, its number is its own.
    private let end = Mutex<Int32?>(nil)
    private let ended = DispatchGroup()

    init(
        _ path: String, _ arguments: [String], environment: [String: String], _ files: Files
    ) throws {
        identifier = try Self.spawn(
            path, [path] + arguments, environment.map { "\($0.key)=\($0.value)" }, files)
        ended.enter()
        Thread.detachNewThread { [self] in
            reap()
            ended.leave()
        }
    }

    /// Exit status; for a process that a signal ended, the signal's number and 128 as in a shell. nil
    /// while it runs.
    var status: Int32? { end.withLock { $0 } }

    func send(_ signal: Int32) {
        end.withLock { if $0 == nil { kill(identifier, signal) } }
    }

    /// Blocks until it has ended, and kills its group when `patience` is over.
    func waitUntilExit(patience: TimeInterval) {
        guard ended.wait(timeout: .now() + patience) == .timedOut else { return }
        end.withLock { if $0 == nil { kill(-identifier, SIGKILL) } }
        ended.wait()
    }

    private func reap() {
        // Waited for first and reaped with the lock held: nobody may signal a number that is free.
        var what = siginfo_t()
        while waitid(P_PID, id_t(identifier), &what, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        end.withLock { end in
            var status: Int32 = 0
            waitpid(identifier, &status, 0)
            let signal = status & 0x7f
            end = signal == 0 ? status >> 8 & 0xff : 128 + signal
        }
    }
}

extension SpawnedProcess {
    private static let spawning = Mutex(())

    /// For descriptors that are not closed on exec from their first moment: no process is started meanwhile.
    static func withoutSpawning<Result>(_ body: () throws -> sending Result) rethrows -> Result {
        try spawning.withLock { _ in try body() }
    }

    private static func spawn(
        _ path: String, _ arguments: [String], _ environment: [String], _ files: Files
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in [files.input, files.output, files.errors].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
        }
        var attributes = attributes()
        defer { posix_spawnattr_destroy(&attributes) }
        let words = strings(arguments)
        let settings = strings(environment)
        defer { for string in words + settings { free(string) } }
        var identifier: pid_t = 0
        let error = withoutSpawning {
            posix_spawn(&identifier, path, &actions, &attributes, words, settings)
        }
        guard error == 0 else { throw TestFailure("cannot start \(path): error \(error)") }
        return identifier
    }

    /// No signal is blocked or ignored in the process, whatever this one does.
    private static func attributes() -> posix_spawnattr_t {
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_init(&attributes)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        return attributes
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        texts.map { strdup($0) } + [nil]
    }
}
