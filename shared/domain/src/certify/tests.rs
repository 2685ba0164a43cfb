//! Listings that prove something, and those that do not.

use super::*;

/// Feeds pages of ids, then asks for the verdict.
struct Listing {
    certifier: Certifier,
    baseline: Baseline,
}

fn listing() -> Listing {
    Listing {
        certifier: Certifier::new(),
        baseline: Baseline::default(),
    }
}

fn ids(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| format!("id-{n}")).collect()
}

impl Listing {
    fn page(mut self, range: std::ops::Range<u64>, declared: Option<u64>) -> Self {
        self.certifier.page(declared);
        for id in ids(range) {
            self.certifier.item(&id);
        }
        self
    }

    fn next(mut self, cursor: &str, goes_on: bool) -> Self {
        assert_eq!(self.certifier.goes_on(Some(cursor)), goes_on);
        self
    }

    fn previous(mut self, previous: u64) -> Self {
        self.baseline.previous = Some(previous);
        self
    }

    fn recorded(mut self, recorded: u64) -> Self {
        self.baseline.recorded = recorded;
        self
    }

    fn finish(self) -> Result<u64, Incomplete> {
        self.certifier
            .finish(self.baseline, Bounds::default(), Timestamp::UNIX_EPOCH)
            .map(|certificate| certificate.received)
    }
}

#[test]
fn certifies_a_listing_whose_pages_add_up() {
    let verdict = listing()
        .page(0..100, Some(150))
        .next("101", true)
        .page(100..150, Some(150))
        .previous(140)
        .finish();
    assert_eq!(verdict, Ok(150));
}

#[test]
fn a_failed_page_poisons() {
    let mut read = listing().page(0..100, Some(150)).next("101", true);
    read.certifier.page_failed("503");
    assert_eq!(
        read.finish(),
        Err(Incomplete::PageFailed {
            page: 2,
            error: "503".into()
        })
    );
}

#[test]
fn stops_at_a_repeated_cursor() {
    let verdict = listing()
        .page(0..10, None)
        .next("a", true)
        .page(10..20, None)
        .next("a", false)
        .finish();
    assert_eq!(verdict, Err(Incomplete::RepeatedCursor { page: 2 }));
}

#[test]
fn refuses_an_id_that_came_twice() {
    let verdict = listing()
        .page(0..10, Some(20))
        .next("11", true)
        .page(9..19, Some(20))
        .finish();
    assert_eq!(verdict, Err(Incomplete::RepeatedId { count: 1 }));
}

#[test]
fn refuses_a_total_that_is_not_what_came() {
    let verdict = listing().page(0..200, Some(263)).finish();
    assert_eq!(
        verdict,
        Err(Incomplete::ShortOfTotal {
            declared: 263,
            received: 200
        })
    );
}

#[test]
fn refuses_a_total_that_shrank_between_pages() {
    // One account of page 1 was deleted meanwhile, so that one of page 2 slid onto page 1
    // unread; the sums agree all the same.
    let verdict = listing()
        .page(0..100, Some(200))
        .next("101", true)
        .page(101..200, Some(199))
        .finish();
    assert_eq!(
        verdict,
        Err(Incomplete::ShortOfTotal {
            declared: 200,
            received: 199
        })
    );
}

#[test]
fn accepts_an_account_that_came_to_the_end_meanwhile() {
    let verdict = listing()
        .page(0..100, Some(150))
        .next("101", true)
        .page(100..151, Some(151))
        .finish();
    assert_eq!(verdict, Ok(151));
}

#[test]
fn expects_as_many_pages_as_the_target_or_the_record_says() {
    let expected = |declared, recorded| {
        let read = listing().page(0..10, declared).page(10..20, declared);
        read.certifier.expected_pages(recorded)
    };
    assert_eq!(expected(Some(100), 0), 10);
    assert_eq!(expected(None, 60), 6);
    assert_eq!(expected(Some(100), 200), 20);
    assert_eq!(expected(None, 0), 2);
    assert_eq!(Certifier::new().expected_pages(0), 0);
}

#[test]
fn refuses_a_jump_and_accepts_a_step() {
    let jump = |previous, received| {
        listing()
            .page(0..received, None)
            .previous(previous)
            .finish()
            .is_err()
    };
    // At the border and one beyond it, down and up.
    assert!(!jump(1000, 800));
    assert!(jump(1000, 799));
    assert!(!jump(1000, 2000));
    assert!(jump(1000, 2001));
    // The floor.
    assert!(!jump(30, 10));
    assert!(jump(30, 9));
    // Empty where there was something, whatever the floor says.
    assert!(jump(1, 0));
    assert!(!jump(0, 0));
    assert!(!jump(0, 5000));
}

#[test]
fn measures_the_first_run_against_our_records() {
    let first = |recorded, received| {
        listing()
            .page(0..received, None)
            .recorded(recorded)
            .finish()
            .is_err()
    };
    assert!(first(50, 0));
    assert!(first(100, 70));
    assert!(!first(100, 5000));
    assert!(!first(0, 0));
}

#[test]
fn a_human_may_accept_a_jump_but_nothing_else() {
    let mut read = listing().page(0..0, None).previous(100);
    read.baseline.accepted_by_hand = true;
    assert_eq!(read.finish(), Ok(0));
    let mut read = listing().page(0..99, Some(100)).previous(100);
    read.baseline.accepted_by_hand = true;
    assert!(read.finish().is_err());
}

#[test]
fn goes_on_where_it_was_written_down() {
    // Pages that repeat an id, or end early, under every place to stop at.
    for (pages, declared) in [
        (vec![0..7, 7..14, 14..20], Some(20)),
        (vec![0..7, 6..14, 14..20], Some(20)),
        (vec![0..7, 7..14], Some(20)),
    ] {
        let read = |stops: bool| {
            let mut certifier = Certifier::new();
            for (at, page) in pages.iter().enumerate() {
                if stops {
                    let kept = serde_json::to_string(&certifier.keep()).expect("json");
                    certifier = Certifier::take_up(
                        serde_json::from_str(&kept).expect("json"),
                        certifier.cursors().collect::<Vec<_>>(),
                        certifier.ids().collect::<Vec<_>>(),
                    );
                }
                certifier.page(declared);
                for id in ids(page.clone()) {
                    certifier.item(&id);
                }
                assert!(certifier.goes_on(Some(&format!("after-{at}"))));
            }
            let mut again = certifier.clone();
            assert!(!again.goes_on(Some("after-0")), "the cursor came before");
            certifier.finish(
                Baseline::default(),
                Bounds::default(),
                Timestamp::UNIX_EPOCH,
            )
        };
        assert_eq!(read(true), read(false));
    }
}

#[test]
fn what_is_not_legible_proves_nothing() {
    let mut kept = listing().page(0..10, Some(10)).certifier.keep();
    kept.digest.pop();
    let certifier = Certifier::take_up(kept, [], []);
    let verdict = certifier.finish(
        Baseline::default(),
        Bounds::default(),
        Timestamp::UNIX_EPOCH,
    );
    assert!(matches!(verdict, Err(Incomplete::PageFailed { .. })));
}

#[test]
fn a_loop_under_new_cursors_ends() {
    let mut certifier = Certifier::new();
    let mut pages = 0;
    loop {
        certifier.page(None);
        for id in ids(0..100) {
            certifier.item(&id);
        }
        pages += 1;
        assert!(pages < 1000, "never ends");
        if !certifier.goes_on(Some(&format!("cursor-{pages}"))) {
            break;
        }
    }
    let verdict = certifier.finish(
        Baseline::default(),
        Bounds::default(),
        Timestamp::UNIX_EPOCH,
    );
    assert!(matches!(verdict, Err(Incomplete::RepeatedId { .. })));
}

#[test]
fn the_set_agrees_with_the_standard_one() {
    let mut ours = HashSet64::default();
    let mut theirs = std::collections::BTreeSet::new();
    let mut state = 1_u64;
    for _ in 0..20_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let hash = (state >> 40) % 9000 + 1;
        assert_eq!(ours.insert(hash), theirs.insert(hash));
    }
}
