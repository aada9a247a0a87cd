import ArgumentParser
import Foundation
import MartletClient
import MartletWire

/// `martlet dead groups`: what jobs died of.
struct DeadGroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups",
        abstract: "Show what jobs died of: errors that differ only in numbers and ids are one.",
        discussion: """
            Examples:
              martlet dead groups --queue images
              martlet dead redrive --queue images --error 9ae16a3b2f90404f
            """)

    @OptionGroup var queue: QueueOption
    @OptionGroup var page: PageOptions
    @OptionGroup var server: ServerOptions

    func run() async throws {
        try await ServerClient.with(server) { client in
            var request = Groups(queue: queue.queue ?? "", cursor: page.cursor?.bytes ?? [])
            var left = page.count
            var table = Table([
                .text("ERROR"), .text("QUEUE"), .number("JOBS"), .text("LAST SEEN"),
                .text("EXAMPLE"), .text("MESSAGE"),
            ])
            repeat {
                request.limit = UInt16(min(left, Int(Limits.groupLimitMax)))
                let answer = try await client.page(of: request)
                for group in answer.groups { write(DeadGroup(group), &table) }
                left -= answer.groups.count
                request.cursor = answer.cursor
            } while left > 0 && !request.cursor.isEmpty
            if !page.json { table.write() }
            PageOptions.tell(next: request.cursor)
        }
    }

    private func write(_ group: DeadGroup, _ table: inout Table) {
        if page.json { return StandardOutput.write(line: DeadGroupJSON(group).object.text) }
        let message = group.message.split(separator: "\n").first ?? ""
        table.add([
            Hexadecimal.text(group.fingerprint), group.queue, Quantity.grouped(group.jobs),
            group.lastSeenAt.rfc3339, group.example.description,
            String(
                (group.errorClass.isEmpty ? message : "\(group.errorClass): \(message)").prefix(80)),
        ])
    }
}
