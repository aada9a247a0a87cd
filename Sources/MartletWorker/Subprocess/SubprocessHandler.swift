import Foundation
package import NIOCore
import Subprocess
import SystemPackage

/// Runs a command for each job: payload on its standard input, result from its standard output.
///
/// Exit status 0 completes the job. Anything else fails it, with the end of standard error as the
/// reason. The process leads a process group of its own, and cancellation ends the whole group:
/// SIGTERM first, SIGKILL after ``grace`` or as soon as the leader is gone. What a command leaves
/// behind when it ends by itself is its own affair, and nobody waits for it, even if it holds the
/// output open.
package struct SubprocessHandler: Sendable {
    private let command: Command
    /// Looked up once: a spawn that tries every directory in `PATH` costs a process for each.
    private let program: FilePath
    /// Time between SIGTERM and SIGKILL.
    private let grace: Duration

    /// - Throws: ``SubprocessFailure/notFound(program:)``, before any job needs it.
    package init(
        command: Command, grace: Duration = .seconds(5)
    ) async throws(SubprocessFailure) {
        self.command = command
        self.grace = grace
        program = try await command.locate()
        brokenPipesIgnored
    }

    /// - Parameters:
    ///   - environment: added to the worker's own.
    ///   - outputBytesMax: longest result; the group of a command that writes more is killed.
    /// - Throws: ``SubprocessFailure`` when the command can't be started, fails or writes too much;
    ///   `CancellationError` when the task was cancelled, after the group was ended.
    package func run(
        _ payload: ByteBuffer, environment: [String: String], outputBytesMax: Int
    ) async throws -> ByteBuffer {
        let result: (status: TerminationStatus, capture: SubprocessCapture)
        do {
            result = try await execute(payload, environment, outputBytesMax)
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw SubprocessFailure.notStarted(
                program: command.words[0], cause: error.description)
        }
        try Task.checkCancellation()
        if result.capture.isTooLong { throw SubprocessFailure.outputTooLong(limit: outputBytesMax) }
        guard result.status.isSuccess else {
            throw SubprocessFailure(result.status, complaint: result.capture.complaint.text)
        }
        return result.capture.output
    }

    /// Runs as ``run(_:environment:outputBytesMax:)`` does, and hears meanwhile what the command
    /// says on its control pipe: `MARTLET_CONTROL` is its path, `MARTLET_CHECKPOINT` that of a file
    /// with the checkpoint when there is one.
    func run(
        _ payload: ByteBuffer, environment: [String: String], outputBytesMax: Int,
        checkpoint: Data?, onControl: @escaping @Sendable (ControlLine) -> Void
    ) async throws -> ByteBuffer {
        let pipe = try ControlPipe(checkpoint: checkpoint)
        var environment = environment
        environment["MARTLET_CONTROL"] = pipe.path
        if checkpoint != nil { environment["MARTLET_CHECKPOINT"] = pipe.checkpointPath }
        return try await withThrowingTaskGroup(of: Void.self) { [environment] group in
            group.addTask { try await pipe.read(onControl) }
            do {
                let output = try await run(
                    payload, environment: environment, outputBytesMax: outputBytesMax)
                try await finish(pipe, &group)
                return output
            } catch {
                try await finish(pipe, &group)
                throw error
            }
        }
    }

    private func finish(
        _ pipe: ControlPipe, _ group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
        defer { pipe.remove() }
        if !pipe.end() { group.cancelAll() }
        try await group.waitForAll()
    }

    private func execute(
        _ payload: ByteBuffer, _ environment: [String: String], _ outputBytesMax: Int
    ) async throws -> (TerminationStatus, SubprocessCapture) {
        let result = try await Subprocess.run(
            configuration(environment), input: .inputWriter, output: .sequence, error: .sequence
        ) { execution in
            async let written: Void = write(payload, to: execution.standardInputWriter)
            async let complaint = OutputTail(of: execution.standardError)
            var capture = SubprocessCapture()
            try await capture.collect(execution.standardOutput, upTo: outputBytesMax)
            if capture.isTooLong { kill(execution) }
            capture.complaint = try await complaint
            try await written
            if Task.isCancelled { await end(execution) }
            return capture
        }
        return (result.terminationStatus, result.closureResult)
    }

    private func configuration(_ environment: [String: String]) -> Configuration {
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: grace)
        ]
        let additions = environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
        return Configuration(
            executable: .path(program),
            arguments: command.arguments,
            environment: .inherit.updating(.init(uniqueKeysWithValues: additions)),
            platformOptions: options)
    }

    /// A command need not read its input: one that closes it, or exits first, is no error.
    private func write(_ payload: ByteBuffer, to writer: StandardInputWriter) async throws {
        do {
            _ = try await writer.write(payload.readableBytesSpan)
        } catch  where error.code == .failedToWriteToSubprocess {
            // What it printed and its exit status say all there is to say.
        }
        try await writer.finish()
    }

    /// Waits for the leader, which the teardown sequence is signalling at the same time, then kills
    /// what is left of its group. The leader has not been reaped yet, so the group's number is
    /// still its own.
    private func end(_ execution: Running) async {
        await execution.teardown(using: [
            // A stopped process gets SIGTERM only once it goes on.
            .send(signal: .resume, toProcessGroup: true, allowedDurationToNextStep: grace)
        ])
        kill(execution)
    }

    private func kill(_ execution: Running) {
        do {
            try execution.send(signal: .kill, toProcessGroup: true)
        } catch {
            // Nobody is left in the group: what was wanted.
        }
    }

    private typealias Running = Execution<CustomWriteInput, SequenceOutput, SequenceOutput>
}

/// Writing to a command that has closed its input must be an error of that write, not the end of
/// this process. Children get the default action back: the spawn resets their signals.
private let brokenPipesIgnored: Void = {
    _ = signal(SIGPIPE, SIG_IGN)
}()

extension SubprocessFailure {
    fileprivate init(_ status: TerminationStatus, complaint: String) {
        switch status {
        case .exited(let status): self = .exited(status: status, complaint: complaint)
        case .signaled(let signal): self = .signalled(signal: signal, complaint: complaint)
        }
    }
}
