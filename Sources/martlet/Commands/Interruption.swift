import Foundation

/// Ctrl-C.
enum Interruption {
    /// From now on an interrupt ends the program at once, with the status that says so. For commands that hold nothing
    /// which needs cleaning up.
    static func endsProgram() {
        signal(SIGINT) { _ in _exit(ExitStatus.interrupted.rawValue) }
    }
}
