//! A made-up company's findings, in the order of a report: names, ids, timestamps and texts as
//! varied as in life, and the same for the same seed. Rows are made one at a time, so that a
//! measurement of memory measures the writer.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "the numbers are small and rolled below the lengths of the lists; most classes are alike"
)]

use std::fmt::Write as _;

use contract::report::{Class, FindingRow, Severity};
use domain::{Hash, TargetId};
use jiff::civil::{Date, date};
use jiff::{Span, Timestamp};

const TODAY: Date = date(2025, 11, 21);

const GIVEN: [&str; 40] = [
    "Aino",
    "Alejandra",
    "Amara",
    "Ana",
    "Björn",
    "Chiara",
    "Chloé",
    "Dmitri",
    "Eilidh",
    "Fatima",
    "Gabriel",
    "Hana",
    "Henrik",
    "Ines",
    "Ivan",
    "Jan",
    "Jiho",
    "Joana",
    "Kwame",
    "Lars",
    "Leila",
    "Lucía",
    "Magda",
    "Mateo",
    "Mei",
    "Mohammed",
    "Nadia",
    "Nikolai",
    "Noor",
    "Olga",
    "Pavel",
    "Priya",
    "Rafael",
    "Saoirse",
    "Sven",
    "Tomás",
    "Wanjiru",
    "Yara",
    "Yusuf",
    "Zoë",
];

const FAMILY: [&str; 48] = [
    "Abara",
    "Åkesson",
    "Almeida",
    "Andersen",
    "Bakker",
    "Banerjee",
    "Bianchi",
    "Castro",
    "Chen",
    "Costa",
    "Dahl",
    "Diallo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Fontaine",
    "García",
    "Haddad",
    "Hansen",
    "Horvat",
    "Ivanova",
    "Jansen",
    "Kaya",
    "Kim",
    "Kowalski",
    "Kumar",
    "Laine",
    "Lindqvist",
    "Mensah",
    "Moreau",
    "Müller",
    "Nakamura",
    "Novak",
    "O'Brien",
    "Okafor",
    "Olsen",
    "Ortiz",
    "Petrov",
    "Popescu",
    "Quispe",
    "Rossi",
    "Santos",
    "Schneider",
    "Silva",
    "Tanaka",
    "Van den Berg",
    "Yılmaz",
    "Zhang",
];

const TARGETS: [&str; 12] = [
    "analytics",
    "billing",
    "build",
    "chat",
    "crm",
    "design",
    "helpdesk",
    "payroll",
    "storefront",
    "travel",
    "vault",
    "wiki",
];

const GROUPS: [&str; 16] = [
    "Administrators",
    "Approvers",
    "Auditors",
    "Billing-Readers",
    "Billing-Writers",
    "Contractors",
    "Developers",
    "Editors",
    "Everyone",
    "Finance",
    "Leads",
    "On-Call",
    "Readers",
    "Sales-EMEA",
    "Support-Tier-1",
    "Support-Tier-2",
];

const ATTRIBUTES: [&str; 8] = [
    "title",
    "department",
    "displayName",
    "name.familyName",
    "emails.work",
    "manager",
    "costCenter",
    "preferredLanguage",
];

/// Of a thousand findings, how many are of each class, in order of report: by severity, then
/// class.
const MIX: [(Severity, Class, u64); 11] = [
    (Severity::Critical, Class::O1, 40),
    (Severity::Critical, Class::O2, 10),
    (Severity::High, Class::O3, 90),
    (Severity::High, Class::O5, 20),
    (Severity::High, Class::O6, 80),
    (Severity::Medium, Class::O4, 60),
    (Severity::Medium, Class::O7, 100),
    (Severity::Medium, Class::O9, 200),
    (Severity::Medium, Class::O10, 30),
    (Severity::Low, Class::O8, 350),
    (Severity::Info, Class::O11, 20),
];

/// About `count` findings, a multiple of a thousand.
pub fn findings(count: u64, seed: u64) -> impl Iterator<Item = FindingRow> {
    let thousands = count / 1_000;
    MIX.iter().flat_map(move |&(severity, class, share)| {
        let of_class = share * thousands;
        let targets = TARGETS.len() as u64;
        (0..targets).flat_map(move |target| {
            let begin = of_class * target / targets;
            let end = of_class * (target + 1) / targets;
            (begin..end).map(move |n| {
                let mut dice = Dice::new(seed, class, n);
                let place = (n - begin, end - begin);
                finding(severity, class, target as usize, place, &mut dice)
            })
        })
    })
}

/// Numbers that look random: the output function of `SplitMix64` over a counter.
struct Dice(u64);

impl Dice {
    fn new(seed: u64, class: Class, n: u64) -> Self {
        Self(seed ^ (class as u64) << 56 ^ n.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    /// 32 hex digits, as identities and record keys have them.
    fn key(&mut self) -> Box<str> {
        format!("{:016x}{:016x}", self.roll(), self.roll()).into()
    }

    /// An account's id. Every second target has UUIDs; the others letters and digits, or a number.
    fn account_id(&mut self, target: usize) -> Box<str> {
        let (a, b) = (self.roll(), self.roll());
        match target % 4 {
            1 => format!("U{:09X}", a >> 28).into(),
            3 => format!("1{a:020}").into(),
            _ => format!(
                "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
                a >> 32,
                (a >> 16) & 0xffff,
                a & 0xfff,
                0x8000 | (b >> 50),
                b & 0xffff_ffff_ffff
            )
            .into(),
        }
    }

    fn hash(&mut self) -> Hash {
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.roll().to_be_bytes());
        }
        Hash(bytes)
    }

    /// An instant within the six years before today: every second target tells milliseconds, the
    /// others seconds.
    fn moment(&mut self, target: usize) -> Timestamp {
        let millis = 1_573_000_000_000 + self.below(190_000_000_000);
        let millis = if target.is_multiple_of(2) {
            millis
        } else {
            millis / 1_000 * 1_000
        };
        Timestamp::from_millisecond(millis as i64).expect("a time in this century")
    }
}

fn finding(
    severity: Severity,
    class: Class,
    target: usize,
    (place, of): (u64, u64),
    dice: &mut Dice,
) -> FindingRow {
    let missing = class == Class::O7;
    let linked = !matches!(class, Class::O3 | Class::O4 | Class::O10);
    let left = matches!(class, Class::O1 | Class::O2);
    let age = match dice.below(10) {
        0..=2 => 0,
        3..=6 => dice.below(14),
        _ => dice.below(200),
    } as u32;
    let groups = match class {
        Class::O7 => 0,
        Class::O2 => 2 + dice.below(9),
        _ => dice.below(7),
    };
    let identity = if linked { dice.key() } else { "".into() };
    let first_seen = TODAY - Span::new().days(i64::from(age));
    FindingRow {
        finding: dice.hash(),
        severity,
        class,
        target: TargetId::from(TARGETS[target]),
        account_id: if missing {
            "".into()
        } else {
            dice.account_id(target)
        },
        user_name: user_name(class, place, of, dice),
        status: if missing { "missing" } else { "active" }.into(),
        privileged: class == Class::O2 || dice.one_in(30),
        criticality: dice.pick(&["low", "medium", "high", "critical"]).into(),
        entitlement_count: groups as u32,
        entitlements: entitlements(groups, dice),
        created: (!missing).then(|| dice.moment(target)),
        last_sign_in: (!missing && dice.below(10) < 6).then(|| dice.moment(target)),
        first_seen,
        age_days: age,
        runs_seen: age + 1,
        identity_state: match (linked, left) {
            (false, _) => "",
            (true, true) => "ended",
            (true, false) => "active",
        }
        .into(),
        end_date: left.then(|| first_seen - Span::new().days(dice.below(40) as i64)),
        candidate: if class == Class::O4 {
            dice.key()
        } else {
            "".into()
        },
        candidate_rule: if class == Class::O4 {
            dice.pick(&[
                "same work e-mail",
                "same employee number",
                "same name and department",
            ])
        } else {
            ""
        }
        .into(),
        candidate_confidence: (class == Class::O4).then(|| 50 + dice.below(50) as u8),
        owner: if matches!(class, Class::O1 | Class::O2 | Class::O6) {
            dice.key()
        } else {
            "".into()
        },
        detail: detail(class, TARGETS[target], dice),
        evidence: evidence(TARGETS[target], class, &identity, dice),
        proposed_action: action(class).into(),
        decision: match class {
            Class::O7 | Class::O8 => "queued",
            Class::O1 if !dice.one_in(4) => "queued",
            Class::O1 => "held",
            _ => "open",
        }
        .into(),
        decided_by: match class {
            Class::O7 | Class::O8 => "policy",
            _ => "",
        }
        .into(),
        identity,
    }
}

/// User names of one target go up with the row's place, as in a report, and are otherwise mixed.
fn user_name(class: Class, place: u64, of: u64, dice: &mut Dice) -> Box<str> {
    let names = (GIVEN.len() * FAMILY.len()) as u64;
    let at = (place * names / of.max(1)).min(names - 1) as usize;
    let given = GIVEN[at / FAMILY.len()].to_lowercase();
    let family = FAMILY[at % FAMILY.len()]
        .to_lowercase()
        .replace([' ', '\''], "");
    match class {
        Class::O10 => format!("{given}-svc-{place:06}").into(),
        _ => match dice.below(3) {
            0 => format!("{given}.{family}.{place:06}@example.com").into(),
            _ => format!("{given}.{family}.{place:06}").into(),
        },
    }
}

fn entitlements(count: u64, dice: &mut Dice) -> Box<str> {
    let mut text = String::new();
    for n in 0..count.min(5) {
        let gap = if n == 0 { "" } else { "; " };
        let group = dice.pick(&GROUPS);
        write!(text, "{gap}{group}").expect("a string takes text");
    }
    text.into()
}

fn detail(class: Class, target: &str, dice: &mut Dice) -> Box<str> {
    match class {
        Class::O1 => "can sign in although the last working day is over".into(),
        Class::O2 => "holds privileged access and belongs to nobody who works here".into(),
        Class::O3 => "belongs to nobody on record".into(),
        Class::O4 => "belongs to nobody on record, and one person matches".into(),
        Class::O5 => "carries the key of an identity that has another account here".into(),
        Class::O6 => format!("`{target}/{}` was added by hand", dice.pick(&GROUPS)).into(),
        Class::O7 => "no account was made yet".into(),
        Class::O8 => {
            let (a, b) = (dice.pick(&ATTRIBUTES), dice.pick(&ATTRIBUTES));
            format!("differs from policy: {a}, {b}").into()
        }
        Class::O9 => "nobody has signed in for a long time".into(),
        Class::O10 => "a service account that nobody answers for".into(),
        Class::O11 => "policy protects the account: it is never touched".into(),
    }
}

fn action(class: Class) -> &'static str {
    match class {
        Class::O1 => "disable the account",
        Class::O2 => "disable the account or name its owner",
        Class::O3 => "find its owner or disable the account",
        Class::O4 => "confirm the match or disable the account",
        Class::O5 => "decide which account stays, and remove the other",
        Class::O6 => "grant it by policy or remove it",
        Class::O7 => "make the account",
        Class::O8 => "write what policy says",
        Class::O9 => "ask whether the account is still needed",
        Class::O10 => "name an owner in policy or disable the account",
        Class::O11 => "nothing",
    }
}

fn evidence(target: &str, class: Class, identity: &str, dice: &mut Dice) -> Box<str> {
    let mut parts = vec![format!("snapshot:{target}:users")];
    if matches!(class, Class::O2 | Class::O6) {
        parts.push(format!("snapshot:{target}:groups"));
    }
    if !identity.is_empty() {
        parts.push(format!("plan:{identity}:{}", 1 + dice.below(40)));
    }
    if matches!(class, Class::O1 | Class::O2 | Class::O6) {
        parts.push(format!("fact:{:012x}", dice.roll() >> 16));
    }
    parts.join("; ").into()
}
