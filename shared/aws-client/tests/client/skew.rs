//! A clock that goes wrong.

use jiff::SignedDuration;
use ports::Clock as _;

use crate::{Seen, Turn, World, ok};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A refusal at that time, as the service has it.
fn refused(code: &'static str, date: &str) -> Turn {
    Turn::with(403, code, "date", date)
}

fn dates(requests: &[Seen]) -> Vec<&str> {
    let dates = requests
        .iter()
        .map(|seen| seen.header("x-amz-date").unwrap());
    dates.collect()
}

#[tokio::test]
async fn the_service_is_believed_and_remembered() {
    for code in [
        "RequestTimeTooSkewed",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
    ] {
        let later = refused(code, "Sun, 01 Mar 2026 13:00:00 GMT");
        let world = World::new([later, Turn::ok()]);
        assert_eq!(world.ask().await.unwrap(), ok());
        assert_eq!(world.ask().await.unwrap(), ok());
        let requests = world.requests();
        let want = ["20260301T120000Z", "20260301T130000Z", "20260301T130000Z"];
        assert_eq!(dates(&requests), want, "{code}");
    }
    let earlier = refused("RequestTimeTooSkewed", "Sun, 01 Mar 2026 11:30:00 GMT");
    let world = World::new([earlier, Turn::ok()]);
    world.ask().await.unwrap();
    let requests = world.requests();
    assert_eq!(dates(&requests), ["20260301T120000Z", "20260301T113000Z"]);
}

#[tokio::test]
async fn once_is_enough() {
    let later = refused("SignatureDoesNotMatch", "Sun, 01 Mar 2026 13:00:00 GMT");
    let world = World::new([later]);
    world.ask().await.unwrap_err();
    assert_eq!(world.attempts(), 2, "the second was signed at its time");
    world.ask().await.unwrap_err();
    assert_eq!(world.attempts(), 3);
}

#[tokio::test]
async fn a_refusal_for_another_reason_is_left_alone() {
    for turn in [
        // Clocks that agree, or nearly so.
        refused("SignatureDoesNotMatch", "Sun, 01 Mar 2026 12:00:00 GMT"),
        refused("SignatureDoesNotMatch", "Sun, 01 Mar 2026 12:03:59 GMT"),
        // Another refusal, and none that says when.
        refused("AccessDenied", "Sun, 01 Mar 2026 13:00:00 GMT"),
        refused("SignatureDoesNotMatch", "yesterday"),
        Turn::error(403, "SignatureDoesNotMatch"),
    ] {
        let world = World::new([turn.clone(), Turn::ok()]);
        world.ask().await.unwrap_err();
        assert_eq!(world.attempts(), 1, "{turn:?}");
    }
}

/// The clock is set right meanwhile: the offset is found out anew.
#[tokio::test]
async fn a_clock_that_is_set_right_is_believed_again() {
    let first = refused("RequestTimeTooSkewed", "Sun, 01 Mar 2026 13:00:00 GMT");
    let second = refused("RequestTimeTooSkewed", "Sun, 01 Mar 2026 13:00:00 GMT");
    let world = World::new([first, Turn::ok(), second, Turn::ok()]);
    world.ask().await.unwrap();
    world.clock.set(world.clock.now() + HOUR);
    world.ask().await.unwrap();
    let requests = world.requests();
    let want = [
        "20260301T120000Z",
        "20260301T130000Z",
        "20260301T140000Z",
        "20260301T130000Z",
    ];
    assert_eq!(dates(&requests), want);
}
