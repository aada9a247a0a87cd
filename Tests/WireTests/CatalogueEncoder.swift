/// Encodes messages from their fields in JSON by nothing but `messages.json`: a second implementation,
/// against which the golden frames and the Swift code are held.
struct CatalogueEncoder {
    let catalogue: Catalogue

    /// The body of the message `name`.
    func body(_ name: String, _ value: JSON) throws -> [UInt8] {
        try record(catalogue.fields(catalogue.message(name).fields), value)
    }

    /// Frames of `body`, cut into pieces of `splitBytes`.
    func frames(
        opcode: UInt8, channel: UInt64, requestID: UInt64, body: [UInt8], splitBytes: Int
    ) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var rest = body[...]
        repeat {
            let piece = rest.prefix(splitBytes)
            rest = rest.dropFirst(splitBytes)
            frames.append(
                little(UInt64(piece.count), 4) + [opcode, rest.isEmpty ? 0 : 1] + little(channel, 2)
                    + little(requestID, 8) + piece)
        } while !rest.isEmpty
        return frames
    }

    private func record(_ fields: [Catalogue.Field], _ value: JSON) throws -> [UInt8] {
        var result: [UInt8] = []
        for field in fields {
            let child = field.name.flatMap { value[$0] }
            if field.optional == true, child == nil { continue }
            result += try encode(field, child, within: value)
        }
        return result
    }

    private func encode(
        _ field: Catalogue.Field, _ value: JSON?, within parent: JSON
    ) throws -> [UInt8] {
        switch field.type {
        case "options": return try options(field, value ?? [:])
        case "list": return try list(field, value)
        case "sized":
            let inner = try named(field.of, value ?? [:])
            return try length(field.length, inner.count) + inner
        case "variant": return try variant(field, value ?? [:], within: parent)
        default: return try scalar(field.type, value) ?? named(field.type, value ?? [:])
        }
    }

    private func scalar(_ type: String, _ value: JSON?) throws -> [UInt8]? {
        switch type {
        case "u8", "u16", "u32", "u64", "time": return try integer(type, value)
        case "text": return try Array(text(value).utf8)
        case "text8", "text16":
            let bytes = try Array(text(value).utf8)
            return try length("u" + type.dropFirst(4), bytes.count) + bytes
        case "data": return try data(value)
        case "data8", "data32":
            let bytes = try data(value)
            return try length("u" + type.dropFirst(4), bytes.count) + bytes
        default: return nil
        }
    }

    private func named(_ name: String?, _ value: JSON) throws -> [UInt8] {
        switch catalogue.types[name ?? ""] {
        case .record(let fields): return try record(fields, value)
        case .value(let field): return try encode(field, value, within: value)
        default: throw CatalogueError(description: "messages.json has no type \(name ?? "-")")
        }
    }

    private func options(_ field: Catalogue.Field, _ value: JSON) throws -> [UInt8] {
        var result: [UInt8] = []
        for option in field.options ?? [] {
            guard let tag = option.tag, let name = option.name, let child = value[name] else {
                continue
            }
            let bytes = try encode(option, child, within: value)
            result += little(UInt64(tag), 2) + little(UInt64(bytes.count), 4) + bytes
        }
        return result
    }

    private func list(_ field: Catalogue.Field, _ value: JSON?) throws -> [UInt8] {
        guard let elements = value?.elements else { throw mismatch(field.type, value) }
        var result = try field.count.map { try length($0, elements.count) } ?? []
        for element in elements {
            let bytes = try scalar(field.of ?? "", element) ?? named(field.of, element)
            if let type = field.length { result += try length(type, bytes.count) }
            result += bytes
        }
        return result
    }

    private func variant(
        _ field: Catalogue.Field, _ value: JSON, within parent: JSON
    ) throws -> [UInt8] {
        let selector = parent[field.on ?? ""]?.integer.map { String($0) } ?? ""
        guard let fields = field.cases?[selector] ?? field.cases?["*"] else {
            throw CatalogueError(description: "no case \(selector) of \(field.on ?? "-")")
        }
        let bytes = try record(fields, value)
        return try field.length.map { try length($0, bytes.count) + bytes } ?? bytes
    }

    private func integer(_ type: String, _ value: JSON?) throws -> [UInt8] {
        let width = ["u8": 1, "u16": 2, "u32": 4, "u64": 8, "time": 8][type] ?? 0
        guard let number = value?.integer, width == 8 || number >> UInt64(8 * width) == 0 else {
            throw mismatch(type, value)
        }
        return little(number, width)
    }

    private func length(_ type: String?, _ count: Int) throws -> [UInt8] {
        try integer(type ?? "", .number(count))
    }

    private func text(_ value: JSON?) throws -> String {
        guard let text = value?.text else { throw mismatch("text", value) }
        return text
    }

    private func data(_ value: JSON?) throws -> [UInt8] {
        guard let bytes = value?.text.flatMap({ bytes(hex: $0) }) else {
            throw mismatch("data", value)
        }
        return bytes
    }

    private func mismatch(_ type: String, _ value: JSON?) -> CatalogueError {
        CatalogueError(description: "\(String(describing: value)) is no \(type)")
    }
}

private func little(_ value: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
}
