//! What a panic tells once telemetry has started: its place, never its text. In a binary of its
//! own, because the hook and the subscriber are the process's.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at what does not hold"
)]

use telemetry::{Lines, Sink, Telemetry};
use tracing::level_filters::LevelFilter;

#[test]
fn a_panic_is_told_by_place_and_not_by_text() {
    let lines = Lines::default();
    Telemetry {
        service: "test",
        level: LevelFilter::TRACE,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(|| jiff::Timestamp::UNIX_EPOCH),
        gathered: None,
    }
    .start()
    .unwrap();
    let caught = std::panic::catch_unwind(|| panic!("somebody called Zoë Quill"));
    assert!(caught.is_err());
    let told = lines.all().join("\n");
    assert!(told.contains("panics.rs:"), "{told}");
    assert!(!told.contains("Zoë"), "{told}");
}
