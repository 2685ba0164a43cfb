//! B6: ten thousand changes drained into the quotas of Microsoft Graph, Slack and GitHub by 1 to 8
//! consumers, in virtual time.

#![allow(clippy::expect_used, reason = "a suite stops at what does not hold")]

use jiff::SignedDuration;
use tests::quota::{CHANGES, ENDINGS, Vendor, drain, drain_with_backoff, vendors, windows};

async fn check(vendor: &Vendor, consumers: usize) {
    let drained = drain(vendor, CHANGES, ENDINGS, consumers).await;
    let at = format!("{} by {consumers}: {drained:?}", vendor.name);
    let lost = (drained.lost, drained.doubled, drained.dead);
    assert_eq!(lost, (0, 0, 0), "{at}");
    assert!(drained.ratio() <= 1.03, "{at}");
    assert!(drained.throttled * 1_000 <= drained.requests, "{at}");
    // An ending overtakes the backlog: what it may wait for is a batch in hand, not the queue.
    let slowest = drained.slowest_ending;
    assert!(slowest <= SignedDuration::from_secs(30), "{at}");
    // One record for each change, and few questions to the budget.
    assert!(drained.table_writes <= 2.1, "{at}");
}

#[tokio::test]
async fn ten_thousand_changes_take_what_the_quota_takes() {
    for vendor in vendors().into_iter().chain(windows()) {
        for consumers in [1, 2, 4, 8] {
            check(&vendor, consumers).await;
        }
    }
}

#[test]
fn backing_off_instead_is_worse() {
    // Or the test above would be too easy.
    for vendor in vendors() {
        let drained = drain_with_backoff(&vendor, CHANGES + ENDINGS, 8);
        let at = format!("{}: {drained:?}", vendor.name);
        let spent = drained.requests > 6 * (CHANGES + ENDINGS) as u64;
        // Where a refused request costs nothing, asking all the time costs requests, not time.
        assert!(drained.ratio() >= 1.2 || spent, "{at}");
        assert!(drained.throttled * 10 > drained.requests, "{at}");
    }
}
