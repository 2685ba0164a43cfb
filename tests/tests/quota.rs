//! B6: ten thousand changes drained into the quotas of Microsoft Graph, Slack and GitHub by 1 to 8
//! consumers, in virtual time.

#![allow(clippy::expect_used, reason = "a suite stops at what does not hold")]

use jiff::SignedDuration;
use tests::quota::{Vendor, drain, drain_with_backoff, vendors};

const CHANGES: usize = 9_900;
const ENDINGS: usize = 100;

async fn check(vendor: &Vendor, consumers: usize) {
    let drained = drain(vendor, CHANGES, ENDINGS, consumers).await;
    let at = format!("{} by {consumers}: {drained:?}", vendor.name);
    assert_eq!(
        (drained.lost, drained.doubled, drained.dead),
        (0, 0, 0),
        "{at}"
    );
    assert!(drained.ratio() <= 1.03, "{at}");
    assert!(drained.throttled * 1_000 <= drained.requests, "{at}");
    // An ending overtakes the backlog: what it may wait for is a batch in hand, not the queue.
    assert!(
        drained.slowest_ending <= SignedDuration::from_secs(60),
        "{at}"
    );
}

#[tokio::test]
async fn ten_thousand_changes_take_what_the_quota_takes() {
    for vendor in vendors() {
        for consumers in [1, 2, 8] {
            check(&vendor, consumers).await;
        }
    }
}

#[tokio::test]
async fn backing_off_instead_takes_longer() {
    // Or the test above would be too easy.
    for vendor in vendors() {
        let drained = drain_with_backoff(&vendor, CHANGES + ENDINGS, 8);
        assert!(drained.ratio() >= 1.2, "{}: {drained:?}", vendor.name);
        assert!(drained.throttled > 0, "{}", vendor.name);
    }
}
