//! Writes the script: hires, changes and endings as HR records them, with the truth beside them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Attr, Attrs, Effective, Slot};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::dice::Dice;
use super::names::NAMES;
use super::person::{Contract, Person, Stated, attrs, midnight};
use super::post::{Post, Says, body};
use super::world::{CLEARED_TITLE, DEPARTMENTS, Department, SITES, Site};
use super::{Company, FEWEST_DAYS, FEWEST_PEOPLE, Settings, Story, network, stories};

/// Which record of whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) person: usize,
    pub(super) contract: usize,
}

/// What stays with a human through all contracts.
#[derive(Clone, Debug)]
pub(super) struct Persona {
    pub(super) given: String,
    pub(super) family: String,
    pub(super) personal_email: String,
    pub(super) work_email: String,
    pub(super) site: &'static Site,
}

/// What HR enters for a new record.
#[derive(Clone, Copy)]
pub(super) struct Hire {
    pub(super) start: Date,
    pub(super) at: Timestamp,
    pub(super) department: &'static Department,
    pub(super) title: &'static str,
    /// The last day of a contract; an employee where there is none.
    pub(super) until: Option<Date>,
    /// Whether HR knows a business address already.
    pub(super) has_email: bool,
}

pub(super) struct Author {
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    pub(super) people: Vec<Person>,
    pub(super) personas: Vec<Persona>,
    pub(super) posts: Vec<Post>,
    /// Posts by index that must arrive in their order.
    pub(super) steady: BTreeSet<usize>,
    /// What is wrong with the records that are entered now.
    pub(super) spoil: Option<fn(&mut Attrs)>,
    names: BTreeSet<(String, String)>,
    heads: BTreeMap<&'static str, String>,
    versions: BTreeMap<String, u64>,
    records: usize,
    events: usize,
}

/// Generates a company.
pub(super) fn write(mut settings: Settings) -> Company {
    settings.people = settings.people.max(FEWEST_PEOPLE);
    settings.days = settings.days.max(FEWEST_DAYS);
    let mut author = Author {
        dice: Dice::new(settings.seed),
        settings,
        people: Vec::new(),
        personas: Vec::new(),
        posts: Vec::new(),
        steady: BTreeSet::new(),
        spoil: None,
        names: BTreeSet::new(),
        heads: BTreeMap::new(),
        versions: BTreeMap::new(),
        records: 0,
        events: 0,
    };
    for department in &DEPARTMENTS {
        stories::head(&mut author, department);
    }
    for story in author.cast() {
        stories::tell(&mut author, story);
    }
    let close = author.settings.close();
    let posts = network::carry(&mut author.dice, close, author.posts, &author.steady);
    Company {
        settings: author.settings,
        people: author.people,
        posts,
    }
}

impl Author {
    /// One story per remaining person: each once, the rest by weight, in any order.
    fn cast(&mut self) -> Vec<Story> {
        let seats = self.settings.people.saturating_sub(self.people.len());
        let total: usize = Story::ALL.iter().map(|story| story.weight()).sum();
        let mut cast = Story::ALL.to_vec();
        while cast.len() < seats {
            let mut roll = self.dice.below(total);
            for story in Story::ALL {
                if roll < story.weight() {
                    cast.push(*story);
                    break;
                }
                roll = roll.saturating_sub(story.weight());
            }
        }
        cast.truncate(seats);
        self.dice.shuffle(&mut cast);
        // The e-mail address of somebody else, and their name, need somebody who is there.
        cast.sort_by_key(|story| *story != Story::Settled);
        cast
    }

    /// A new human with a name that nobody has.
    pub(super) fn person(&mut self, story: Story) -> usize {
        let mut name = self.name();
        for _ in 0..200 {
            if !self.names.contains(&name) {
                break;
            }
            name = self.name();
        }
        while self.names.contains(&name) {
            // Every pair is taken: people get a second given name.
            name.0 = format!("{} {}", name.0, self.name().0);
        }
        self.person_named(story, &name.0, &name.1)
    }

    pub(super) fn person_named(&mut self, story: Story, given: &str, family: &str) -> usize {
        self.names.insert((given.to_owned(), family.to_owned()));
        let index = self.people.len();
        let number = index.saturating_add(1);
        let marker = self.settings.marker.clone().unwrap_or_default();
        let site = self.dice.pick(&SITES, &SITES[0]);
        self.personas.push(Persona {
            given: marked(given, &marker),
            family: marked(family, &marker),
            personal_email: format!("p{number}{marker}@mail.example"),
            work_email: format!("w{number}{marker}@meridian.example"),
            site,
        });
        self.people.push(Person {
            number,
            story,
            contracts: Vec::new(),
        });
        index
    }

    fn name(&mut self) -> (String, String) {
        let Some(family) = NAMES.get(self.dice.below(NAMES.len())) else {
            return Default::default();
        };
        let given = self.dice.pick(family.given, &"Kim");
        let surname = self.dice.pick(family.family, &"Lee");
        ((*given).to_owned(), (*surname).to_owned())
    }

    /// A day between two percentages of the story, counted from 0.
    pub(super) fn day(&mut self, low: i64, high: i64) -> i64 {
        let days = i64::from(self.settings.days);
        self.dice.between(days * low / 100, days * high / 100)
    }

    /// A moment of HR's working day.
    pub(super) fn moment(&mut self, day: i64) -> Timestamp {
        let second = self.dice.between(7 * 3600, 18 * 3600);
        let moment = self.settings.day(day) + SignedDuration::from_secs(second);
        let last = self.settings.close() - SignedDuration::from_hours(8);
        moment.min(last)
    }

    pub(super) fn date(&self, day: i64) -> Date {
        let days = day.clamp(-20_000, 20_000).days();
        self.settings
            .first_day
            .checked_add(days)
            .unwrap_or(self.settings.first_day)
    }

    pub(super) fn department(&mut self) -> &'static Department {
        self.dice.pick(&DEPARTMENTS, &DEPARTMENTS[0])
    }

    /// A department, but not that one.
    pub(super) fn other_department(&mut self, than: &str) -> &'static Department {
        loop {
            let department = self.department();
            if department.name != than {
                return department;
            }
        }
    }

    pub(super) fn title(&mut self, department: &'static Department) -> &'static str {
        self.dice
            .pick::<&'static str>(department.titles, &department.head)
    }

    pub(super) fn head_of(&self, department: &str) -> Option<String> {
        self.heads.get(department).cloned()
    }

    /// The name without the marker.
    pub(super) fn unmarked(&self, persona: &Persona) -> (String, String) {
        let tail = self
            .settings
            .marker
            .as_deref()
            .map(|marker| format!(" {marker}"));
        let plain = |text: &str| {
            let tail = tail.as_deref().unwrap_or_default();
            text.strip_suffix(tail).unwrap_or(text).to_owned()
        };
        (plain(&persona.given), plain(&persona.family))
    }

    pub(super) fn lead(&mut self, department: &'static Department, worker_id: String) {
        self.heads.insert(department.name, worker_id);
    }

    /// Enters a new record. Gives the record and the event.
    pub(super) fn hire(&mut self, person: usize, hire: Hire) -> (Who, String) {
        self.records = self.records.saturating_add(1);
        let marker = self.settings.marker.clone().unwrap_or_default();
        let number = format!("{:05}{marker}", self.records);
        let worker_id = format!("W{number}");
        let Some(persona) = self.personas.get(person).cloned() else {
            return (
                Who {
                    person,
                    contract: 0,
                },
                String::new(),
            );
        };
        let manager = self.head_of(hire.department.name);
        let start = hire.start.to_string();
        let until = hire.until.map(|until| until.to_string());
        let phone = format!("+49 30 {:07}{marker}", self.records);
        let leads = hire.title == hire.department.head;
        let kind = if hire.until.is_some() {
            "contractor"
        } else {
            "employee"
        };
        let mut stated = attrs([
            (Attr::EmployeeNumber, Some(number.as_str())),
            (Attr::GivenName, Some(&persona.given)),
            (Attr::FamilyName, Some(&persona.family)),
            (Attr::PersonalEmail, Some(&persona.personal_email)),
            (Attr::WorkPhone, Some(&phone)),
            (Attr::Department, Some(hire.department.name)),
            (Attr::CostCenter, Some(hire.department.cost_center)),
            (Attr::Title, Some(hire.title)),
            (Attr::Location, Some(persona.site.location)),
            (Attr::Country, Some(persona.site.country)),
            (Attr::EmploymentType, Some(kind)),
            (Attr::WorkerStatus, Some("active")),
            (
                Attr::ManagerStatus,
                Some(if leads { "manager" } else { "individual" }),
            ),
            (Attr::StartDate, Some(&start)),
        ]);
        if hire.title == CLEARED_TITLE && self.dice.chance(50) {
            stated.set(Attr::Clearance, "C2");
        }
        if hire.has_email {
            stated.set(Attr::WorkEmail, persona.work_email.as_str());
        }
        if let Some(manager) = manager.as_deref().filter(|_| !leads) {
            stated.set(Attr::ManagerId, manager);
        }
        if let Some(until) = until.as_deref() {
            stated.set(Attr::EndDate, until);
        }
        if self.dice.chance(20) {
            stated.set(Attr::PreferredGivenName, marked("Sam", &marker).as_str());
        }
        if let Some(spoil) = self.spoil {
            spoil(&mut stated);
        }
        if self.dice.chance(50) {
            self.versions.insert(worker_id.clone(), 0);
        }
        let contract = Contract {
            worker_id,
            zone: persona.site.zone,
            start: hire.start,
            end: hire.until,
            cut: None,
            never_began: false,
            leaves: Vec::new(),
            parked: false,
            history: Vec::new(),
        };
        let who = match self.people.get_mut(person) {
            Some(human) => {
                human.contracts.push(contract);
                Who {
                    person,
                    contract: human.contracts.len().saturating_sub(1),
                }
            }
            None => Who {
                person,
                contract: 0,
            },
        };
        let event = self.say(who, hire.at, Some(Effective::Date(hire.start)), stated);
        (who, event)
    }

    /// HR states attributes.
    pub(super) fn say(
        &mut self,
        who: Who,
        at: Timestamp,
        effective: Option<Effective>,
        stated: Attrs,
    ) -> String {
        self.state(who, at, effective, stated, None)
    }

    /// HR states that an earlier event was wrong from the beginning, and what is right.
    pub(super) fn correct(
        &mut self,
        who: Who,
        at: Timestamp,
        effective: Option<Effective>,
        stated: Attrs,
        wrong: &str,
    ) -> String {
        if let Some(contract) = self.contract_mut(who) {
            contract.history.retain(|stated| stated.event != wrong);
        }
        self.state(who, at, effective, stated, Some(wrong))
    }

    fn state(
        &mut self,
        who: Who,
        at: Timestamp,
        effective: Option<Effective>,
        stated: Attrs,
        corrects: Option<&str>,
    ) -> String {
        let event = self.event_id();
        let recorded_at = at - SignedDuration::from_secs(2);
        let Some(zone) = self.contract_mut(who).map(|contract| contract.zone) else {
            return event;
        };
        let typed = self.typed(&stated);
        let says = Says::Attributes {
            attrs: &typed,
            corrects,
        };
        self.post(who, at, &event, effective, recorded_at, &says);
        let from = match effective {
            Some(Effective::Date(date)) => midnight(date, zone),
            Some(Effective::Instant(at)) => at,
            None => recorded_at,
        };
        if let Some(contract) = self.contract_mut(who) {
            contract.history.push(Stated {
                event: event.clone(),
                from,
                attrs: stated,
            });
        }
        event
    }

    /// HR takes an event back.
    pub(super) fn rescind(&mut self, who: Who, at: Timestamp, event: &str) {
        let id = self.event_id();
        let recorded_at = at - SignedDuration::from_secs(2);
        self.post(who, at, &id, None, recorded_at, &Says::Rescinded(event));
        if let Some(contract) = self.contract_mut(who) {
            contract.history.retain(|stated| stated.event != event);
        }
    }

    /// HR deletes the record.
    pub(super) fn delete(&mut self, who: Who, at: Timestamp) {
        let id = self.event_id();
        let recorded_at = at - SignedDuration::from_secs(2);
        let effective = Some(Effective::Instant(recorded_at));
        self.post(who, at, &id, effective, recorded_at, &Says::Deleted);
        if let Some(contract) = self.contract_mut(who) {
            contract.cut = Some(recorded_at);
        }
    }

    pub(super) fn contract_mut(&mut self, who: Who) -> Option<&mut Contract> {
        self.people
            .get_mut(who.person)?
            .contracts
            .get_mut(who.contract)
    }

    fn post(
        &mut self,
        who: Who,
        at: Timestamp,
        id: &str,
        effective: Option<Effective>,
        recorded_at: Timestamp,
        says: &Says<'_>,
    ) {
        let Some(contract) = self.contract_mut(who) else {
            return;
        };
        let worker_id = contract.worker_id.clone();
        let zone = contract.zone;
        let version = self.versions.get_mut(&worker_id).map(|version| {
            *version = version.saturating_add(1);
            *version
        });
        // Every third record leaves the zone to the site.
        let zone = (!who.person.is_multiple_of(3)).then_some(zone);
        let Some(person) = self.people.get(who.person) else {
            return;
        };
        self.posts.push(Post {
            at,
            id: id.to_owned(),
            person: person.number,
            story: person.story,
            again: false,
            overtaken: false,
            body: body(&worker_id, version, effective, recorded_at, zone, says),
        });
    }

    fn event_id(&mut self) -> String {
        self.events = self.events.saturating_add(1);
        let marker = self.settings.marker.as_deref().unwrap_or_default();
        format!("evt_{:06}{marker}", self.events)
    }

    /// What HR's keyboard makes of it.
    fn typed(&mut self, stated: &Attrs) -> Attrs {
        let mut typed = stated.clone();
        let spelling = stated
            .text(Attr::Department)
            .and_then(|name| {
                DEPARTMENTS
                    .iter()
                    .find(|department| department.name == name)
            })
            .filter(|_| self.dice.chance(25))
            .map(|department| *self.dice.pick(department.spellings, &department.name));
        if let Some(spelling) = spelling {
            typed.set(Attr::Department, Slot::from(spelling));
        }
        typed
    }
}

fn marked(text: &str, marker: &str) -> String {
    if marker.is_empty() {
        text.to_owned()
    } else {
        format!("{text} {marker}")
    }
}
