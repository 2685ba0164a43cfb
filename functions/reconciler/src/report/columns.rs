//! The columns of a finding, once, for every tabular format.

use contract::report::FindingRow;
use domain::Hash;
use jiff::Timestamp;
use jiff::civil::Date;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text; `varied` where nearly every row has its own.
    Text { varied: bool },
    /// True or false.
    Flag,
    /// A number, never missing.
    Count,
    /// A civil day, never missing.
    Day,
    /// A civil day or nothing.
    DayIfKnown,
    /// An instant or nothing.
    MomentIfKnown,
    /// 0 to 100 or nothing.
    PercentIfKnown,
}

const VARIED: Kind = Kind::Text { varied: true };
const REPEATED: Kind = Kind::Text { varied: false };

/// Name and kind of every column, in the order of [`FindingRow`].
pub(super) const COLUMNS: [(&str, Kind); 28] = [
    ("finding", VARIED),
    ("severity", REPEATED),
    ("class", REPEATED),
    ("target", REPEATED),
    ("account_id", VARIED),
    ("user_name", VARIED),
    ("status", REPEATED),
    ("privileged", Kind::Flag),
    ("criticality", REPEATED),
    ("entitlement_count", Kind::Count),
    ("entitlements", REPEATED),
    ("created", Kind::MomentIfKnown),
    ("last_sign_in", Kind::MomentIfKnown),
    ("first_seen", Kind::Day),
    ("age_days", Kind::Count),
    ("runs_seen", Kind::Count),
    ("identity", VARIED),
    ("identity_state", REPEATED),
    ("end_date", Kind::DayIfKnown),
    ("candidate", REPEATED),
    ("candidate_rule", REPEATED),
    ("candidate_confidence", Kind::PercentIfKnown),
    ("owner", REPEATED),
    ("detail", REPEATED),
    ("evidence", VARIED),
    ("proposed_action", REPEATED),
    ("decision", REPEATED),
    ("decided_by", REPEATED),
];

/// One value of one row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Digest(&'a Hash),
    Text(&'a str),
    Flag(bool),
    Count(u32),
    Day(Option<Date>),
    Moment(Option<Timestamp>),
    Percent(Option<u8>),
}

/// The values of a row, in the order of [`COLUMNS`].
pub(super) fn cells(row: &FindingRow) -> [Cell<'_>; 28] {
    [
        Cell::Digest(&row.finding),
        Cell::Text(row.severity.as_str()),
        Cell::Text(row.class.as_str()),
        Cell::Text(row.target.as_str()),
        Cell::Text(&row.account_id),
        Cell::Text(&row.user_name),
        Cell::Text(&row.status),
        Cell::Flag(row.privileged),
        Cell::Text(&row.criticality),
        Cell::Count(row.entitlement_count),
        Cell::Text(&row.entitlements),
        Cell::Moment(row.created),
        Cell::Moment(row.last_sign_in),
        Cell::Day(Some(row.first_seen)),
        Cell::Count(row.age_days),
        Cell::Count(row.runs_seen),
        Cell::Text(&row.identity),
        Cell::Text(&row.identity_state),
        Cell::Day(row.end_date),
        Cell::Text(&row.candidate),
        Cell::Text(&row.candidate_rule),
        Cell::Percent(row.candidate_confidence),
        Cell::Text(&row.owner),
        Cell::Text(&row.detail),
        Cell::Text(&row.evidence),
        Cell::Text(&row.proposed_action),
        Cell::Text(&row.decision),
        Cell::Text(&row.decided_by),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn columns_are_the_fields_of_a_row_in_their_order() {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(sample::row(1)).unwrap();
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let header = text.lines().next().unwrap();
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(header, names.join(","));
    }

    #[test]
    fn every_column_is_documented_in_order() {
        let page = include_str!("../../../../docs/report.md");
        let (_, table) = page.split_once("## Columns").unwrap();
        let documented: Vec<&str> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .flat_map(|line| line.split(" |").next().unwrap().split(", "))
            .map(|name| name.trim_matches('`'))
            .take(COLUMNS.len())
            .collect();
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(documented, names);
    }

    #[test]
    fn every_value_stands_under_its_own_name() {
        let row = sample::row(1);
        let json = serde_json::to_value(&row).unwrap();
        for ((name, _), cell) in COLUMNS.iter().zip(cells(&row)) {
            let want = &json[*name];
            let have = match cell {
                Cell::Digest(hash) => serde_json::json!(hash),
                Cell::Text(text) => serde_json::json!(text),
                Cell::Flag(flag) => serde_json::json!(flag),
                Cell::Count(count) => serde_json::json!(count),
                Cell::Day(day) => serde_json::json!(day),
                Cell::Moment(moment) => serde_json::json!(moment),
                Cell::Percent(percent) => serde_json::json!(percent),
            };
            assert_eq!(&have, want, "{name}");
        }
    }
}
