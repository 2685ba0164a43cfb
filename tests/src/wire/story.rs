//! What HR says about a few people, in what order it arrives, and what follows from it: an oracle
//! that knows the suite's policy by heart and shares nothing with the planner.

use std::collections::BTreeSet;

use crate::sim::Dice;
use crate::world::Says;

/// One statement.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Whom it is about.
    pub worker: usize,
    /// When it was said, in order.
    pub order: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Hire {
        given: &'static str,
        family: &'static str,
        department: &'static str,
    },
    Move(&'static str),
    Name(&'static str),
    Leave,
    Return(&'static str),
}

const DEPARTMENTS: [&str; 4] = ["Engineering", "Finance", "Treasury", "Sales"];
const FAMILIES: [&str; 3] = ["Silva", "Okafor", "Meyer"];

/// What policy wants for one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether the person works here.
    pub active: bool,
    /// Memberships on `dir` and on `wiki`.
    pub groups: [BTreeSet<&'static str>; 2],
    /// Given name, family name and department, of somebody who works here.
    pub attributes: [&'static str; 3],
}

impl Fact {
    /// As a webhook.
    pub fn says(&self) -> Says {
        let worker = name(self.worker);
        let about = Says::about(&worker);
        let says = match &self.what {
            What::Hire {
                given,
                family,
                department,
            } => Says::hires(&worker, (given, family), department, "2026-03-01"),
            What::Move(department) => about.that("department", department),
            What::Name(family) => about.that("family_name", family),
            What::Leave => about
                .that("worker_status", "terminated")
                .that("end_date", "2026-03-02")
                .that("end_mode", "now"),
            What::Return(department) => about
                .that("worker_status", "active")
                .that("department", department)
                .not("end_date")
                .not("end_mode"),
        };
        let at = format!(
            "2026-03-02T07:{:02}:{:02}Z",
            self.order / 60,
            self.order % 60
        );
        says.as_event(&format!("msg_{:04}", self.order))
            .recorded(&at)
    }

    /// For the trace.
    pub fn tell(&self) -> String {
        format!("{} {:?}", name(self.worker), self.what)
    }
}

/// The worker's number in the HR system.
pub fn name(worker: usize) -> String {
    format!("W{worker}")
}

/// Everything that HR says about so many people, in the order in which it arrives: mostly as it
/// was said, some of it late, some of it twice.
pub fn draw(dice: &mut Dice, people: usize) -> Vec<Fact> {
    let count = 8 + usize::try_from(dice.below(13)).unwrap_or(0);
    let mut facts = Vec::new();
    let mut works = vec![false; people];
    for order in 0..count.max(people) {
        let fresh = order < people;
        let worker = if fresh {
            order
        } else {
            usize::try_from(dice.below(people as u64)).unwrap_or(0)
        };
        let department = *dice.pick(&DEPARTMENTS);
        let what = if fresh {
            What::Hire {
                // Namesakes fight for names.
                given: dice.pick::<&str>(&["Ana", "Ben"]),
                family: dice.pick::<&str>(&FAMILIES),
                department,
            }
        } else if works[worker] {
            match dice.below(5) {
                0 => What::Name(dice.pick::<&str>(&FAMILIES)),
                1 | 2 => What::Leave,
                _ => What::Move(department),
            }
        } else {
            What::Return(department)
        };
        works[worker] = !matches!(what, What::Leave);
        facts.push(Fact {
            worker,
            order,
            what,
        });
    }
    for at in 1..facts.len() {
        if dice.below(6) == 0 {
            facts.swap(at - 1, at);
        }
    }
    let mut arrive = Vec::new();
    for fact in facts {
        if dice.below(6) == 0 {
            arrive.push(fact.clone());
        }
        arrive.push(fact);
    }
    arrive
}

/// What policy wants for each of the people, once these facts have arrived.
pub fn wanted(arrived: &[Fact], people: usize) -> Vec<Wanted> {
    let mut said: Vec<&Fact> = arrived.iter().collect();
    said.sort_by_key(|fact| fact.order);
    let mut all = vec![Wanted::default(); people];
    let mut hired = vec![false; people];
    for fact in said {
        let one = &mut all[fact.worker];
        match fact.what {
            What::Hire {
                given,
                family,
                department,
            } => {
                hired[fact.worker] = true;
                one.active = true;
                one.attributes = [given, family, department];
            }
            What::Move(department) => one.attributes[2] = department,
            What::Name(family) => one.attributes[1] = family,
            What::Leave => one.active = false,
            What::Return(department) => {
                one.active = true;
                one.attributes[2] = department;
            }
        }
    }
    for (one, hired) in all.iter_mut().zip(hired) {
        // Nothing is known about somebody whose hire has not arrived.
        one.active &= hired;
        if one.active {
            one.groups = groups(one.attributes[2]);
        }
    }
    all
}

fn groups(department: &str) -> [BTreeSet<&'static str>; 2] {
    let (mut dir, mut wiki) = (BTreeSet::from(["staff"]), BTreeSet::from(["readers"]));
    match department {
        "Engineering" => {
            wiki.insert("editors");
        }
        "Finance" => {
            dir.insert("payables");
        }
        "Treasury" => {
            dir.insert("approvers");
        }
        _ => {}
    }
    [dir, wiki]
}
