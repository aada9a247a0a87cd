import Testing

/// Tests that know the built program alone. One after the other: each has processes of its own, and
/// some look at the clock.
@Suite(.serialized)
enum IntegrationTests {}
