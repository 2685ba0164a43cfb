//! What the servers hold, read behind everybody's back after every step, and what must not have
//! happened in between.

use std::collections::{BTreeMap, BTreeSet};

use scim_target::ScimTarget as Server;
use serde_json::{Value, json};

use super::Trace;
use super::story::Wanted;

/// A group that policy does not know.
const CLUB: &str = "club";
/// A group of policy that nobody is given.
const BY_HAND: &str = "contractors";

/// One server, watched.
pub struct Watched {
    /// The server.
    pub server: Server,
    /// `dir` is 0, `wiki` is 1.
    index: usize,
    /// The key of each of the people.
    keys: Vec<String>,
    /// Accounts that nobody of ours made, as they were made.
    strangers: BTreeMap<String, Value>,
    held: Held,
}

#[derive(Clone, Default)]
struct Held {
    /// The key and whether it can sign in, by account.
    accounts: BTreeMap<String, (Option<String>, bool)>,
    /// Group and account.
    members: BTreeSet<(String, String)>,
}

impl Watched {
    /// Plants strangers, some of whom are members by hand.
    pub fn new(server: Server, index: usize, keys: Vec<String>) -> Self {
        let club = server.add_group(CLUB).expect("a group");
        let first = ["staff", "readers"][index];
        let first = server.group_by_display_name(first).expect("a group");
        let mut strangers = BTreeMap::new();
        for name in ["root", "stranger"] {
            let user = json!({ "userName": name, "active": true, "displayName": name });
            let user = server.insert_user(user).expect("inserted");
            server.add_member(&club.id, &user.id).expect("added");
            server.add_member(&first.id, &user.id).expect("added");
            strangers.insert(user.id, user.json);
        }
        let mut watched = Self {
            server,
            index,
            keys,
            strangers,
            held: Held::default(),
        };
        for (id, json) in &mut watched.strangers {
            *json = watched.server.user(id).expect("a stranger").json;
        }
        watched.held = watched.look();
        watched
    }

    fn look(&self) -> Held {
        let users = self.server.users();
        let accounts = users
            .into_iter()
            .map(|user| (user.id, (user.external_id, user.active)))
            .collect();
        let members = self.server.groups().into_iter().flat_map(|group| {
            let name = group.display_name;
            group.members.into_iter().map(move |id| (name.clone(), id))
        });
        Held {
            accounts,
            members: members.collect(),
        }
    }

    /// Compares with the last look. `lately` holds what policy wanted of everybody, from the last
    /// decision that was made for certain to the last fact that has arrived.
    /// Answers with the writes that came.
    pub fn step(&mut self, lately: &[Vec<Wanted>], wrong: &mut Vec<String>, trace: &Trace) -> u64 {
        let writes = self.server.calls().writes();
        for seen in self.server.log() {
            let status = seen
                .status
                .map_or_else(|| "no answer".to_owned(), |s| s.to_string());
            let query = if seen.query.is_empty() { "" } else { "?" };
            trace.say(format!(
                "    {} {} {}{query}{}: {status}",
                self.name(),
                seen.method,
                seen.path,
                seen.query
            ));
        }
        self.server.reset_calls();
        if writes > 0 {
            self.compare(lately, wrong);
        }
        writes
    }

    fn compare(&mut self, lately: &[Vec<Wanted>], wrong: &mut Vec<String>) {
        let now = self.look();
        let before = std::mem::take(&mut self.held);
        for (id, (key, active)) in &before.accounts {
            let blocked = match now.accounts.get(id) {
                None => {
                    wrong.push(format!("{}: account {id} was deleted", self.name()));
                    continue;
                }
                Some((_, now)) => *active && !now,
            };
            let demanded = self
                .person(key.as_deref())
                .is_some_and(|person| lately.iter().any(|wanted| !wanted[person].active));
            if blocked && !demanded {
                wrong.push(format!("{}: account {id} was blocked", self.name()));
            }
        }
        for (group, id) in before.members.difference(&now.members) {
            let key = before.accounts.get(id).and_then(|(key, _)| key.as_deref());
            let demanded = group != CLUB
                && self.person(key).is_some_and(|person| {
                    lately.iter().any(|wanted| {
                        let wanted = &wanted[person];
                        let kept = group == BY_HAND && wanted.active;
                        !kept && !wanted.groups[self.index].contains(group.as_str())
                    })
                });
            if !demanded {
                wrong.push(format!("{}: {id} was removed from {group}", self.name()));
            }
        }
        let mut keys = BTreeSet::new();
        for (key, _) in now.accounts.values() {
            if let Some(key) = key
                && !keys.insert(key.clone())
            {
                wrong.push(format!("{}: two accounts of one person", self.name()));
            }
        }
        let mut joined = false;
        for (id, (key, _)) in &now.accounts {
            if !before.accounts.contains_key(id)
                && let Some(person) = self.person(key.as_deref())
            {
                self.join_by_hand(id, person);
                joined = true;
            }
        }
        self.held = if joined { self.look() } else { now };
    }

    /// A human puts a new account into a club, and the first person into a group of policy.
    fn join_by_hand(&self, id: &str, person: usize) {
        let mut groups = vec![CLUB];
        if person == 0 && self.index == 0 {
            groups.push(BY_HAND);
        }
        for name in groups {
            let group = self.server.group_by_display_name(name).expect("a group");
            self.server.add_member(&group.id, id).expect("added");
        }
    }

    fn person(&self, key: Option<&str>) -> Option<usize> {
        self.keys
            .iter()
            .position(|known| Some(known.as_str()) == key)
    }

    fn name(&self) -> &'static str {
        ["dir", "wiki"][self.index]
    }

    /// What has to hold in the end. `ever_left` says who left at any time.
    pub fn end(&self, wanted: &[Wanted], ever_left: &[bool], wrong: &mut Vec<String>) {
        let name = self.name();
        let users = self.server.users();
        let names: BTreeSet<String> = users
            .iter()
            .map(|user| user.user_name.to_lowercase())
            .collect();
        if names.len() != users.len() {
            wrong.push(format!("{name}: a user name is there twice"));
        }
        let known = |id: Option<&str>| self.person(id).is_some();
        for user in &users {
            match self.strangers.get(&user.id) {
                Some(json) if *json != user.json => {
                    wrong.push(format!("{name}: a stranger was changed: {}", user.json));
                }
                Some(_) => {}
                None if known(user.external_id.as_deref()) => {}
                None => wrong.push(format!("{name}: whose account is it? {}", user.json)),
            }
        }
        for (person, wanted) in wanted.iter().enumerate() {
            let key = Some(self.keys[person].as_str());
            let mut own = users
                .iter()
                .filter(|user| user.external_id.as_deref() == key);
            let (account, more) = (own.next(), own.next());
            if more.is_some() {
                wrong.push(format!("{name}: W{person} has several accounts"));
            }
            let Some(account) = account else {
                if wanted.active {
                    wrong.push(format!("{name}: W{person} has no account"));
                }
                continue;
            };
            let mut groups: BTreeSet<&str> = account.groups.iter().map(String::as_str).collect();
            if !groups.remove(CLUB) {
                wrong.push(format!("{name}: W{person} was taken out of {CLUB}"));
            }
            let by_hand = groups.remove(BY_HAND);
            if person == 0 && self.index == 0 && !by_hand && !ever_left[person] {
                wrong.push(format!("{name}: W{person} was taken out of {BY_HAND}"));
            }
            if account.active != wanted.active {
                let is = if account.active { "active" } else { "blocked" };
                wrong.push(format!("{name}: W{person} is {is}"));
            }
            if groups != wanted.groups[self.index] {
                let want = &wanted.groups[self.index];
                wrong.push(format!(
                    "{name}: W{person} is in {groups:?}, not in {want:?}"
                ));
            }
            if wanted.active && !self.shows(account, wanted.attributes) {
                let want = wanted.attributes;
                wrong.push(format!(
                    "{name}: W{person} is not {want:?}: {}",
                    account.json
                ));
            }
        }
    }

    fn shows(&self, account: &scim_target::User, [given, family, department]: [&str; 3]) -> bool {
        let json = &account.json;
        let named = json["name"]["givenName"] == given && json["name"]["familyName"] == family;
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let full = format!("{given} {family}");
        named
            && (self.index == 1
                || json["displayName"] == full.as_str()
                    && json[enterprise]["department"] == department)
    }
}
