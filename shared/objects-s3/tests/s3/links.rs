//! Links for people.

use std::time::Duration;

use objects_s3::LINK;

use crate::{Turn, World};

#[tokio::test]
async fn a_link_opens_one_object_for_a_quarter_of_an_hour_at_most() {
    let world = World::new([Turn::IsNotReached]);
    for (valid, want) in [
        (Duration::from_mins(5), 300),
        (LINK, 900),
        (Duration::from_hours(24 * 365), 900),
    ] {
        let link = world
            .objects
            .link("reports/summary.html", valid)
            .await
            .unwrap();
        let url = link.reveal();
        assert!(
            url.starts_with("http://127.0.0.1:1/the-reports/reports/summary.html?"),
            "{url}"
        );
        assert!(url.contains(&format!("X-Amz-Expires={want}")), "{url}");
        assert!(url.contains("X-Amz-Signature="), "{url}");
        assert!(!format!("{link:?}").contains("Signature"));
    }
    assert!(world.requests().is_empty(), "nothing is asked for");
}
