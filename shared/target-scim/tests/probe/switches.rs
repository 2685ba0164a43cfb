//! Each misbehaviour changes exactly the keys that it should.

use domain::Profile;
use scim_target::Options;

use crate::bench::{Bench, changes, shown, strict};

#[tokio::test]
async fn a_strict_target_is_what_the_standards_say_with_versions() {
    let bench = Bench::new(Options::default()).await;
    let report = bench.probe().await;
    println!("{}", shown(&report));
    assert_eq!(report.stopped, None);
    bench.is_clean(&report);
    assert_eq!(
        changes(&Profile::rfc(), &report.profile),
        changes(&Profile::rfc(), &strict())
    );
}
