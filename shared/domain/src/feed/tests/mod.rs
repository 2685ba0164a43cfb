//! Acceptance of feeds of 10,000 records in 20 pages and 10 countries.

use jiff::ToSpan as _;

use super::*;
use crate::Certificate;

mod follows;
mod usual;

const PEOPLE: u64 = 10_000;
const PAGE: u64 = 500;
const COUNTRIES: [&str; 10] = ["AT", "BE", "CH", "DE", "ES", "FR", "IT", "NL", "PL", "PT"];

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn policy() -> FeedPolicy {
    FeedPolicy {
        format: FeedFormat::JsonLines,
        sentinels: Vec::new(),
        partition: Some(Partition {
            by: Attr::Country,
            minimum: [("PT".into(), 900)].into(),
        }),
        limits: PopulationLimits::default(),
        max_age_hours: 48,
        unchanged: Unchanged::Refuse,
        confirm: Confirm::default(),
    }
}

fn key(n: u64) -> RecordKey {
    RecordKey::from(format!("{n:032x}"))
}

fn country(n: u64) -> &'static str {
    COUNTRIES[usize::try_from(n % 10).expect("a digit")]
}

fn yesterday() -> Accepted {
    Accepted {
        as_of: instant("2026-03-01T05:00:00Z"),
        at: instant("2026-03-01T05:10:00Z"),
        bytes: Hash::of(b"yesterday"),
        received: PEOPLE,
        partitions: COUNTRIES
            .iter()
            .map(|name| ((*name).into(), 1_000))
            .collect(),
        missing: BTreeMap::new(),
        past: Vec::new(),
    }
}

/// What an exporter writes, line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Record(u64),
    Page(u64, u64),
    Trailer(u64),
}

/// A whole feed of the people that `keep` keeps.
fn lines(keep: impl Fn(u64) -> bool) -> (Header, Vec<Line>) {
    let people: Vec<u64> = (0..PEOPLE).filter(|n| keep(*n)).collect();
    let total = people.len() as u64;
    let mut lines = Vec::new();
    let mut pages = 0;
    for page in people.chunks(usize::try_from(PAGE).expect("small")) {
        pages += 1;
        lines.extend(page.iter().map(|n| Line::Record(*n)));
        lines.push(Line::Page(pages, page.len() as u64));
    }
    lines.push(Line::Trailer(total));
    let header = Header {
        as_of: instant("2026-03-02T05:00:00Z"),
        total: Some(total),
        pages: Some(pages),
    };
    (header, lines)
}

struct Reading {
    acceptor: Acceptor,
    policy: FeedPolicy,
    last: Option<Accepted>,
    sentinels: Vec<RecordKey>,
    bytes: Hash,
    known: u64,
    missing: u64,
    population: Option<u64>,
}

fn read((header, lines): (Header, Vec<Line>)) -> Reading {
    let mut acceptor = Acceptor::new(header);
    let recorded = instant("2026-02-01T00:00:00Z");
    for (at, line) in (2..).zip(&lines) {
        match line {
            Line::Record(n) => {
                acceptor.record(at, &key(*n), Some(country(*n)), recorded);
            }
            Line::Page(number, records) => acceptor.page(at, *number, *records),
            Line::Trailer(total) => acceptor.trailer(at, Some(*total)),
        }
    }
    let missing = (0..PEOPLE).filter(|n| !acceptor.lists(&key(*n))).count();
    Reading {
        acceptor,
        policy: policy(),
        last: Some(yesterday()),
        sentinels: vec![key(1), key(2)],
        bytes: Hash::of(b"today"),
        known: PEOPLE,
        missing: missing as u64,
        population: None,
    }
}

impl Reading {
    fn verdict(&self) -> Result<Certificate, Vec<Why>> {
        let evidence = Evidence {
            policy: &self.policy,
            last: self.last.as_ref(),
            bytes: self.bytes,
            at: instant("2026-03-02T06:00:00Z"),
            sentinels: &self.sentinels,
            known: self.known,
            missing: self.missing,
            population: self.population,
        };
        self.acceptor
            .finish(&evidence)
            .map_err(|Incomplete(why)| why)
    }

    fn reasons(&self) -> Vec<Why> {
        self.verdict().expect_err("no certificate")
    }
}

#[test]
fn a_whole_feed_is_certified() {
    let certificate = read(lines(|_| true)).verdict().expect("a certificate");
    assert_eq!(certificate.received, PEOPLE);
    assert_eq!(certificate.pages, 20);
    assert_eq!(certificate.previous, Some(PEOPLE));
}

#[test]
fn a_whole_feed_with_thirty_fewer_is_certified() {
    let reading = read(lines(|n| n % 333 != 0));
    assert_eq!(reading.missing, 31);
    assert_eq!(reading.verdict().expect("a certificate").received, 9_969);
}

#[test]
fn cut_off_at_every_percent_and_at_every_border_of_a_page_it_proves_nothing() {
    let (header, all) = lines(|_| true);
    let percents = (0..100).map(|percent| all.len() * percent / 100);
    let borders = all.iter().enumerate().flat_map(|(at, line)| match line {
        Line::Page(..) => vec![at, at + 1],
        Line::Record(_) | Line::Trailer(_) => Vec::new(),
    });
    let mut cuts = 0;
    for cut in percents.chain(borders) {
        let reasons = read((header, all[..cut].to_vec())).reasons();
        assert!(reasons.contains(&Why::NotClosed), "at {cut}: {reasons:?}");
        cuts += 1;
    }
    assert_eq!(cuts, 140);
}

#[test]
fn cut_off_by_an_exporter_that_writes_its_own_trailer_it_proves_nothing() {
    // Totals agree, because they were counted from what was there: limits and parts catch it.
    for percent in (0..94).chain([100]) {
        let some = |n: u64| n < PEOPLE * percent / 100;
        let verdict = read(lines(some)).verdict();
        assert_eq!(verdict.is_ok(), percent == 100, "at {percent} %");
    }
}

#[test]
fn without_a_page_or_with_one_twice_it_proves_nothing() {
    let (header, all) = lines(|_| true);
    let page = |number: u64| {
        let first = (number - 1) * (PAGE + 1);
        usize::try_from(first).expect("small")..usize::try_from(first + PAGE + 1).expect("small")
    };
    let mut without = all.clone();
    without.drain(page(7));
    let reasons = read((header, without)).reasons();
    assert!(
        reasons.contains(&Why::PagesMissing {
            stated: 20,
            closed: 19
        }),
        "{reasons:?}"
    );
    assert!(reasons.contains(&Why::TotalDiffers {
        stated: 10_000,
        received: 9_500
    }));
    let mut twice = all.clone();
    let again = all[page(7)].to_vec();
    twice.splice(page(8).start..page(8).start, again);
    let reasons = read((header, twice)).reasons();
    assert!(
        reasons.contains(&Why::PageOutOfOrder {
            line: 4_009,
            wanted: 8,
            found: 7
        }),
        "{reasons:?}"
    );
    assert!(
        reasons
            .iter()
            .any(|why| matches!(why, Why::Repeated { count: 500, .. }))
    );
    // In place of another page: every total agrees.
    let mut instead = all.clone();
    let eighth = instead[page(8)].to_vec();
    instead.splice(page(8), all[page(7)].to_vec());
    for (at, line) in page(8).zip(eighth) {
        if let Line::Page(..) = line {
            instead[at] = line;
        }
    }
    let reasons = read((header, instead)).reasons();
    assert!(
        reasons
            .iter()
            .all(|why| matches!(why, Why::Repeated { .. })),
        "{reasons:?}"
    );
}

#[test]
fn without_one_country_it_proves_nothing() {
    for (digit, name) in (0..).zip(COUNTRIES) {
        let mut reading = read(lines(|n| n % 10 != digit));
        // Whatever limits a company sets for its whole population.
        reading.policy.limits.max_drop_percent = 50;
        let reasons = reading.reasons();
        let gone = Why::PartitionGone {
            partition: name.into(),
            previous: 1_000,
        };
        assert!(reasons.contains(&gone), "{name}: {reasons:?}");
    }
    let mut reading = read(lines(|n| n % 10 != 9 || n < 5_000));
    reading.policy.limits.max_drop_percent = 50;
    assert_eq!(
        reading.reasons(),
        [Why::PartitionShort {
            partition: "PT".into(),
            minimum: 900,
            received: 500
        }]
    );
}

#[test]
fn yesterdays_feed_and_feeds_from_other_times_prove_nothing() {
    let whole = || lines(|_| true);
    let mut same = read(whole());
    same.bytes = yesterday().bytes;
    assert_eq!(same.reasons(), [Why::SameBytes]);
    same.policy.unchanged = Unchanged::Accept;
    assert!(same.verdict().is_ok());
    let at = |as_of: &str| {
        let (mut header, lines) = whole();
        header.as_of = instant(as_of);
        read((header, lines)).reasons()
    };
    let old = at("2026-03-01T05:00:00Z");
    assert!(matches!(old[..], [Why::NotNewer { .. }]), "{old:?}");
    let older = at("2026-02-20T05:00:00Z");
    assert!(
        matches!(older[..], [Why::TooOld { .. }, Why::NotNewer { .. }]),
        "{older:?}"
    );
    let future = at("2026-03-02T06:05:01Z");
    assert!(matches!(future[..], [Why::InFuture { .. }]), "{future:?}");
    let (header, lines) = whole();
    let mut later = read((header, lines));
    later
        .acceptor
        .record(3, &key(PEOPLE), Some("AT"), instant("2026-03-02T05:05:01Z"));
    assert!(
        later
            .reasons()
            .contains(&Why::RecordedLater { line: 3, count: 1 })
    );
}

#[test]
fn renumbered_worker_ids_are_not_ten_thousand_leavers() {
    let mut reading = read(lines(|_| true));
    reading.missing = 600;
    assert_eq!(
        reading.reasons(),
        [Why::TooManyMissing {
            missing: 600,
            allowed: 500
        }]
    );
}

#[test]
fn without_a_sentinel_it_proves_nothing() {
    let reading = read(lines(|n| n != 2));
    assert_eq!(
        reading.reasons(),
        [Why::SentinelMissing {
            number: 2,
            count: 1
        }]
    );
}

#[test]
fn unreadable_lines_and_what_follows_the_trailer_poison_a_feed() {
    let mut reading = read(lines(|n| n != 77));
    reading.acceptor.unreadable(5);
    let reasons = reading.reasons();
    assert!(
        reasons.contains(&Why::Unreadable { line: 5, count: 1 }),
        "{reasons:?}"
    );
    assert!(
        reasons.contains(&Why::AfterTrailer { line: 5 }),
        "{reasons:?}"
    );
    let mut broken = read(lines(|_| true));
    broken.acceptor.broke_off(9, "the disk went away");
    assert!(matches!(
        broken.reasons()[..],
        [Why::BrokenOff { line: 9, .. }]
    ));
}

#[test]
fn a_total_has_to_come_from_somewhere() {
    let (mut header, mut lines) = lines(|_| true);
    header.total = None;
    lines.pop();
    let mut reading = read((header, lines));
    reading.acceptor.trailer(9, None);
    assert_eq!(reading.reasons(), [Why::NoTotal]);
}

#[test]
fn limits_have_a_floor_a_percentage_and_a_count() {
    let limits = PopulationLimits {
        max_drop: Some(50),
        ..PopulationLimits::default()
    };
    let drops: Vec<u64> = [0, 10, 100, 200, 500, 10_000]
        .map(|population| limits.drop_of(population))
        .to_vec();
    assert_eq!(drops, [5, 5, 5, 10, 25, 50]);
    let mut reading = read(lines(|n| n >= 51));
    reading.policy.limits = limits;
    let dropped = Why::Dropped {
        previous: PEOPLE,
        received: 9_949,
        allowed: 50,
    };
    assert!(reading.reasons().contains(&dropped));
    reading.population = Some(9_948);
    assert!(
        reading.reasons().contains(&dropped),
        "another number than was agreed"
    );
    reading.population = Some(9_949);
    reading.sentinels.clear();
    assert!(reading.verdict().is_ok(), "{:?}", reading.reasons());
}

#[test]
fn before_any_feed_was_accepted_what_we_know_is_the_measure() {
    let mut first = read(lines(|n| n < 9_000));
    first.last = None;
    let reasons = first.reasons();
    assert!(
        matches!(
            reasons[..],
            [Why::Dropped { .. }, Why::TooManyMissing { .. }]
        ),
        "{reasons:?}"
    );
    let mut first = read(lines(|_| true));
    first.last = None;
    first.known = 3;
    assert!(first.verdict().is_ok(), "the first feed brings everybody");
    let mut nobody = read(lines(|_| false));
    nobody.last = None;
    nobody.known = 0;
    nobody.missing = 0;
    assert!(nobody.reasons().contains(&Why::Empty));
}

fn proof() -> Certificate {
    read(lines(|_| true)).verdict().expect("a certificate")
}

#[test]
fn one_certified_absence_ends_nothing_and_the_second_a_day_later_does() {
    let missing = [key(1), key(2)].into();
    let first_at = instant("2026-03-02T05:00:00Z");
    let first = conclude(&proof(), None, &missing, first_at, Confirm::default());
    assert!(first.ended.is_empty());
    assert_eq!(first.waiting.len(), 2);
    let last = Accepted {
        missing: first.waiting,
        ..yesterday()
    };
    // An hour later nothing is proved that was not before.
    let soon = first_at + 1.hour();
    let again = conclude(&proof(), Some(&last), &missing, soon, Confirm::default());
    assert!(again.ended.is_empty());
    assert_eq!(again.waiting[&key(1)].feeds, 2);
    // One of them is back the next day.
    let day = first_at + 24.hours();
    let still = [key(2)].into();
    let next = conclude(&proof(), Some(&last), &still, day, Confirm::default());
    assert_eq!(next.ended, still);
    assert!(next.waiting.is_empty());
    let at_once = Confirm {
        feeds: 1,
        hours: 20,
    };
    let next = conclude(&proof(), None, &still, day, at_once);
    assert_eq!(next.ended, still);
}
