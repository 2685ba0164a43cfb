//! The people of the benchmark. Of each thousand, one has no account, one account has no record,
//! and five have drifted; the others are as recorded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

use domain::compare::Spec;
use domain::compare::fingerprint::Wanted;
use domain::compare::merge::Entry;
use domain::policy::{Expr, Mapping};
use domain::project::{Mapped, Strength};
use domain::{
    AccountId, AccountRecord, AttrPath, Desired, Hash, IdentityId, Ownership, Pii, Projection, Slot,
};

pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// In what order the target lists accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Shuffled,
}

impl Order {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascending => "ordered",
            Self::Shuffled => "shuffled",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Ascending, Self::Shuffled]
            .into_iter()
            .find(|order| order.name() == name)
    }

    /// The person at a place of the listing.
    pub fn person(self, place: u64, people: u64) -> u64 {
        let accounts = accounts(people);
        let index = match self {
            Self::Ascending => place,
            // A step that shares no factor with the number of accounts visits each once.
            Self::Shuffled => place * step(accounts) % accounts,
        };
        let (thousand, rest) = (index / 999, index % 999);
        thousand * 1000 + rest + u64::from(rest >= MISSING)
    }
}

const MISSING: u64 = 7;
const ORPHAN: u64 = 8;

/// Accounts that the target lists.
pub const fn accounts(people: u64) -> u64 {
    people / 1000 * 999
}

fn step(accounts: u64) -> u64 {
    const fn gcd(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    (accounts / 3 * 2..accounts)
        .find(|step| gcd(*step, accounts) == 1)
        .expect("one of so many")
}

pub fn is_recorded(n: u64) -> bool {
    n % 1000 != ORPHAN
}

fn has_drifted(n: u64) -> bool {
    n % 200 == 3
}

/// Spreads a number over 64 bits.
fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn pick<'a>(n: u64, salt: u64, from: &[&'a str]) -> &'a str {
    let at = mix(n.wrapping_mul(31).wrapping_add(salt)) % from.len() as u64;
    from[usize::try_from(at).expect("small")]
}

/// Ascends with the number, as text too.
pub fn id(n: u64) -> String {
    format!(
        "{:08x}-4c1d-4e6b-9a3f-{:012x}",
        n,
        mix(n) & 0xffff_ffff_ffff
    )
}

/// What policy wants of one person's account, by path.
pub fn attrs(n: u64) -> [(AttrPath, String); 12] {
    let given = pick(
        n,
        1,
        &[
            "Ana", "Bruno", "Chloe", "Dmitri", "Elif", "Farid", "Grace", "Hiro", "Ines", "Jonas",
        ],
    );
    let family = pick(
        n,
        2,
        &[
            "Almeida", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito",
        ],
    );
    let department = pick(
        n,
        3,
        &["Engineering", "Finance", "Legal", "Sales", "Support"],
    );
    let title = pick(
        n,
        4,
        &["Analyst", "Engineer II", "Counsel", "Account Executive"],
    );
    let user_name = format!(
        "{}.{}{n}@corp.example.com",
        given.to_lowercase(),
        family.to_lowercase()
    );
    let extension = |attr: &str| -> AttrPath { format!("{ENTERPRISE}:{attr}").into() };
    [
        ("displayName".into(), format!("{given} {family}")),
        ("emails[type eq \"work\"].value".into(), user_name.clone()),
        ("externalId".into(), format!("{:016x}{:016x}", mix(n), n)),
        ("name.familyName".into(), family.to_owned()),
        ("name.givenName".into(), given.to_owned()),
        (
            "phoneNumbers[type eq \"work\"].value".into(),
            format!("+49 30 {:08}", mix(n) % 100_000_000),
        ),
        ("title".into(), title.to_owned()),
        (
            extension("costCenter"),
            format!("CC-{}", mix(n) % 900 + 100),
        ),
        (extension("department"), department.to_owned()),
        (extension("division"), "Europe".to_owned()),
        (extension("employeeNumber"), format!("{n:07}")),
        ("userName".into(), user_name),
    ]
}

/// The paths that mappings use, in order.
pub fn paths() -> Vec<AttrPath> {
    let mut paths: Vec<AttrPath> = attrs(0).into_iter().map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths
}

pub fn spec() -> Spec {
    let mappings: Vec<Mapping> = paths()
        .into_iter()
        .map(|path| Mapping {
            path,
            expr: Expr::Key,
            strength: Strength::Always,
        })
        .collect();
    Spec::new(&mappings)
}

/// One user as a directory shows it: about a kilobyte.
pub fn write_user(n: u64, out: &mut String) {
    let values: BTreeMap<AttrPath, String> = attrs(n).into_iter().collect();
    let value = |path: &str| values.get(path).expect("mapped").as_str();
    let extension = |attr: &str| value(&format!("{ENTERPRISE}:{attr}")).to_owned();
    let id = id(n);
    let title = if has_drifted(n) {
        "Emperor"
    } else {
        value("title")
    };
    write!(
        out,
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","{ENTERPRISE}"],"id":"{id}","externalId":"{}","userName":"{}","name":{{"formatted":"{}","familyName":"{}","givenName":"{}"}},"displayName":"{}","title":"{title}","preferredLanguage":"en-GB","active":true,"emails":[{{"value":"{}","type":"work","primary":true}},{{"value":"home{n}@mail.example.net","type":"home"}}],"phoneNumbers":[{{"value":"{}","type":"work"}}],"addresses":[{{"type":"work","locality":"Berlin","country":"DE","formatted":"Unter den Linden 1\n10117 Berlin"}}],"groups":[{{"value":"6c5bb468-14b2-4183-baf2-06d523e03bd3","display":"Everybody","type":"direct"}}],"{ENTERPRISE}":{{"employeeNumber":"{}","costCenter":"{}","division":"{}","department":"{}"}},"meta":{{"resourceType":"User","created":"2024-03-07T08:15:00Z","lastModified":"2026-01-12T17:45:12Z","location":"https://directory.example.com/scim/v2/Users/{id}","version":"W/\"{:016x}\""}}}}"#,
        value("externalId"),
        value("userName"),
        value("displayName"),
        value("name.familyName"),
        value("name.givenName"),
        value("displayName"),
        value("emails[type eq \"work\"].value"),
        value("phoneNumbers[type eq \"work\"].value"),
        extension("employeeNumber"),
        extension("costCenter"),
        extension("division"),
        extension("department"),
        mix(n),
    )
    .expect("a string takes everything");
}

/// Bytes of an id, a mask and a fingerprint.
const RECORD: usize = 36 + 16 + 8;

/// Writes the recorded side, ascending by id.
pub fn write_records(people: u64, file: &Path) {
    let spec = spec();
    let mut out = BufWriter::new(File::create(file).expect("a temporary file"));
    let mut scratch = Vec::new();
    for n in (0..people).filter(|n| is_recorded(*n)) {
        let projection = Projection {
            desired: Desired::Active,
            attrs: attrs(n)
                .into_iter()
                .map(|(path, text)| {
                    let mapped = Mapped {
                        value: Pii::new(Slot::from(&*text)),
                        strength: Strength::Always,
                        refers: false,
                    };
                    (path, mapped)
                })
                .collect(),
            grants: BTreeMap::new(),
            simulated: false,
            ties: domain::project::Ties::default(),
            policy: Hash::default(),
        };
        let record = AccountRecord {
            id: Some(AccountId::from(id(n))),
            ownership: Some(Ownership::Created),
            active: true,
            ..AccountRecord::default()
        };
        let identity = IdentityId::from(format!("{n:032x}"));
        let wanted = spec
            .wanted(&identity, &projection, &record, &mut scratch)
            .expect("ours and wanted");
        let mut row = Vec::with_capacity(RECORD);
        row.extend(id(n).bytes());
        row.extend(wanted.mask.to_le_bytes());
        row.extend(wanted.print.to_le_bytes());
        assert_eq!(row.len(), RECORD);
        out.write_all(&row).expect("room");
    }
    out.flush().expect("room");
}

/// Reads the recorded side, in the order of its ids.
pub struct Records(BufReader<File>);

impl Records {
    pub fn open(file: &Path) -> Self {
        Self(BufReader::new(File::open(file).expect("written before")))
    }
}

impl Iterator for Records {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let mut row = [0; RECORD];
        match self.0.read_exact(&mut row) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return None,
            Err(error) => panic!("the records cannot be read: {error}"),
        }
        let (id, rest) = row.split_first_chunk::<36>().expect("long enough");
        let (mask, print) = rest.split_first_chunk::<16>().expect("long enough");
        let id = std::str::from_utf8(id).expect("hex and hyphens");
        Some(Entry {
            id: AccountId::from(id),
            wanted: Some(Wanted {
                mask: u128::from_le_bytes(*mask),
                print: u64::from_le_bytes(*print.first_chunk().expect("long enough")),
            }),
        })
    }
}
