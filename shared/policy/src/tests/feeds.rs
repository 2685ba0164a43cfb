//! `[sources.<name>.feed]`.

use domain::Attr;
use domain::feed::{Confirm, Csv, FeedFormat, FeedPolicy, Partition, PopulationLimits, Unchanged};

use super::said;

const SOURCE: &str = r#"
[sources.extra]
zone = "UTC"
format = "canonical"
verify = "standard-webhooks"
secrets = ["extra"]
"#;

fn read(feed: &str) -> FeedPolicy {
    let text = format!("{SOURCE}\n{feed}");
    let files = [("good.toml", super::GOOD.to_owned()), ("case.toml", text)]
        .map(|(name, text)| (name.to_owned(), text));
    let loaded = crate::load_files(files).unwrap_or_else(|errors| panic!("{errors}"));
    let source = loaded.policy.sources["extra"].clone();
    source.feed.expect("a feed")
}

#[test]
fn a_feed_of_lines_has_defaults() {
    let feed = read("[sources.extra.feed]\nformat = \"jsonl\"\nsentinels = [\"E1\"]");
    assert_eq!(
        feed,
        FeedPolicy {
            format: FeedFormat::JsonLines,
            sentinels: vec!["E1".into()],
            partition: None,
            limits: PopulationLimits::default(),
            max_age_hours: 48,
            unchanged: Unchanged::Refuse,
            confirm: Confirm {
                feeds: 2,
                hours: 20
            },
        }
    );
}

#[test]
fn a_flat_file_with_everything() {
    let feed = read(
        r#"
[sources.extra.feed]
format = "csv"
delimiter = "\t"
worker_id = "No"
columns = { First = "given_name", Dept = "department" }
trailer = "END"
partition = "company"
minimum = { Acme = 10 }
drop_floor = 2
max_drop_percent = 3
max_drop = 4
max_growth_percent = 6
max_age_hours = 7
unchanged = "accept"
missing_feeds = 3
missing_hours = 0
"#,
    );
    let columns = [("First", Attr::GivenName), ("Dept", Attr::Department)];
    let expected = FeedPolicy {
        format: FeedFormat::Csv(Csv {
            delimiter: b'\t',
            worker_id: "No".into(),
            columns: columns.map(|(name, attr)| (name.into(), attr)).into(),
            trailer: Some("END".into()),
        }),
        sentinels: Vec::new(),
        partition: Some(Partition {
            by: Attr::Company,
            minimum: [("Acme".into(), 10)].into(),
        }),
        limits: PopulationLimits {
            floor: 2,
            max_drop_percent: 3,
            max_drop: Some(4),
            max_growth_percent: 6,
        },
        max_age_hours: 7,
        unchanged: Unchanged::Accept,
        confirm: Confirm { feeds: 3, hours: 0 },
    };
    assert_eq!(feed, expected);
}

#[test]
fn refuses_what_makes_no_feed() {
    let said = said(&format!(
        r#"{SOURCE}
[sources.extra.feed]
format = "jsonl"
trailer = "END"
minimum = {{ PT = 0 }}
max_drop_percent = 60
missing_feeds = 0

[sources.more]
zone = "UTC"
format = "canonical"
verify = "standard-webhooks"
secrets = ["more"]

[sources.more.feed]
format = "csv"
delimiter = "ab"
worker_id = "No"
columns = {{ "No" = "employee_number", "A" = "given_name", "B" = "given_name", "C" = "lifecycle" }}
limit = 3
"#
    ));
    insta::assert_snapshot!(
        said,
        @r#"
        error[not-here]: `trailer` of `feed` of source `extra` has no meaning for lines of JSON
         --> case.toml:9:11
          |
        9 | trailer = "END"
          |           ^^^^^
          = help: remove it: the worker payload names attributes directly

        error[missing-key]: `minimum` of `feed` of source `extra` needs `partition`
          --> case.toml:10:11
           |
        10 | minimum = { PT = 0 }
           |           ^^^^^^^^^^
           = help: say by which attribute: add for example `partition = "country"`

        error[out-of-range]: `PT` of `minimum` of `feed` of source `extra` is 0
          --> case.toml:10:18
           |
        10 | minimum = { PT = 0 }
           |                  ^
           = help: give a number from 1 to 100000000

        error[out-of-range]: `max_drop_percent` of `feed` of source `extra` is 60
          --> case.toml:11:20
           |
        11 | max_drop_percent = 60
           |                    ^^
           = help: give a number from 0 to 50

        error[out-of-range]: `missing_feeds` of `feed` of source `extra` is 0
          --> case.toml:12:17
           |
        12 | missing_feeds = 0
           |                 ^
           = help: give a number from 1 to 30

        error[bad-separator]: `delimiter` of `feed` of source `more` is not one character between columns
          --> case.toml:22:13
           |
        22 | delimiter = "ab"
           |             ^^^^
           = help: write for example `";"` or `"\t"`

        error[twice]: `given_name` is read from `A` and `B`
          --> case.toml:24:59
           |
        24 | columns = { "No" = "employee_number", "A" = "given_name", "B" = "given_name", "C" = "lifecycle" }
           |                                                           ^^^
           = help: keep the column that holds it

        error[bad-attribute]: `lifecycle` is derived and never stated
          --> case.toml:24:85
           |
        24 | "No" = "employee_number", "A" = "given_name", "B" = "given_name", "C" = "lifecycle" }
           |                                                                         ^^^^^^^^^^^
           = help: map the column onto another attribute

        error[unknown-key]: `limit` is not a key of `feed` of source `more`
          --> case.toml:25:1
           |
        25 | limit = 3
           | ^^^^^
           = help: the keys here are `format`, `worker_id`, `columns`, `delimiter`, `trailer`, `sentinels`, `partition`, `minimum`, `drop_floor`, `max_drop_percent`, `max_drop`, `max_growth_percent`, `max_age_hours`, `unchanged`, `missing_feeds`, `missing_hours`

        warning[unproven-feed]: `feed` of source `extra` asks for neither sentinels nor minimum parts
         --> case.toml:7:1
          |
        7 | [sources.extra.feed]
          | ^^^^^^^^^^^^^^^^^^^^
          = help: name some worker ids under `sentinels`, or `partition` and `minimum`: a feed that lacks a small part can agree with itself

        warning[unproven-feed]: `feed` of source `more` asks for neither sentinels nor minimum parts
          --> case.toml:20:1
           |
        20 | [sources.more.feed]
           | ^^^^^^^^^^^^^^^^^^^
           = help: name some worker ids under `sentinels`, or `partition` and `minimum`: a feed that lacks a small part can agree with itself

        9 errors, 2 warnings
        "#
    );
}
