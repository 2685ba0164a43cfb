//! One function per story. Days are percentages of the whole, so that everything fits into any
//! length.

use domain::{Attr, Effective};
use jiff::{SignedDuration, Timestamp};

use super::author::{Author, Hire, Who};
use super::person::attrs;
use super::world::{Department, SITES};
use super::{Story, doubts};

/// Somebody who leads a department; there from the beginning.
pub(super) fn head(author: &mut Author, department: &'static Department) {
    let person = author.person(Story::Settled);
    let at = first_morning(author);
    let start = author.date(-900);
    let hire = Hire {
        start,
        at,
        department,
        title: department.head,
        until: None,
        has_email: true,
    };
    let (who, _) = author.hire(person, hire);
    steady(author);
    let worker_id = author
        .contract_mut(who)
        .map(|contract| contract.worker_id.clone());
    author.lead(department, worker_id.unwrap_or_default());
}

/// Tells one story of one new person.
pub(super) fn tell(author: &mut Author, story: Story) {
    match story {
        Story::Settled => {
            settled(author, story);
        }
        Story::Joiner => joiner(author),
        Story::FutureHire => future_hire(author),
        Story::Mover => mover(author),
        Story::Relocation => relocation(author),
        Story::ManagerChange => manager_change(author),
        Story::NameChange => name_change(author),
        Story::Leaver => leaver(author),
        Story::LeaverNow => leaver_now(author),
        Story::Rehire => rehire(author),
        Story::Contractor => contractor(author),
        Story::ContractorExtended => contractor_extended(author),
        Story::Conversion => conversion(author),
        Story::BackdatedMove => backdated_move(author),
        Story::Correction => correction(author),
        Story::NoShow => no_show(author),
        Story::TerminationRescinded => termination_rescinded(author),
        Story::Leave => leave(author),
        Story::SeveralChanges => several_changes(author),
        Story::Deleted => deleted(author),
        Story::NoEndDate => doubts::no_end_date(author),
        Story::UnknownDepartment => doubts::unknown_department(author),
        Story::SameName => doubts::same_name(author),
        Story::Assignment => assignment(author),
        Story::SharedEmail => doubts::shared_email(author),
    }
}

/// The posts of the initial load arrive in the first hours.
fn first_morning(author: &mut Author) -> Timestamp {
    let minutes = author.dice.between(1, 300);
    author.settings.day(0) + SignedDuration::from_mins(minutes)
}

/// The last post must arrive where the script says.
pub(super) fn steady(author: &mut Author) {
    if let Some(last) = author.posts.len().checked_sub(1) {
        author.steady.insert(last);
    }
}

/// There from the beginning, and heard of before anything happens to them.
fn known(author: &mut Author, story: Story) -> Who {
    let who = settled(author, story);
    steady(author);
    who
}

fn settled(author: &mut Author, story: Story) -> Who {
    let person = author.person(story);
    let at = first_morning(author);
    let days_ago = author.dice.between(20, 4000);
    let start = author.date(-days_ago);
    let department = author.department();
    let title = author.title(department);
    let hire = Hire {
        start,
        at,
        department,
        title,
        until: None,
        has_email: true,
    };
    author.hire(person, hire).0
}

/// A new employee announced on one day who begins on another.
fn newcomer(author: &mut Author, story: Story, announced: i64, begins: i64) -> (Who, String) {
    let person = author.person(story);
    enter(author, person, announced, begins, None, false)
}

pub(super) fn enter(
    author: &mut Author,
    person: usize,
    announced: i64,
    begins: i64,
    until: Option<i64>,
    has_email: bool,
) -> (Who, String) {
    let at = author.moment(announced);
    let department = author.department();
    let title = author.title(department);
    let hire = Hire {
        start: author.date(begins),
        at,
        department,
        title,
        until: until.map(|until| author.date(until)),
        has_email,
    };
    author.hire(person, hire)
}

fn joiner(author: &mut Author) {
    let announced = author.day(5, 75);
    let begins = announced.saturating_add(author.dice.between(1, 9));
    newcomer(author, Story::Joiner, announced, begins);
}

/// Some of them begin after the story ends.
fn future_hire(author: &mut Author) {
    let announced = author.day(2, 20);
    let begins = author.day(70, 130);
    newcomer(author, Story::FutureHire, announced, begins);
}

/// A move to another department as one statement, in effect from a day on.
fn transfer(author: &mut Author, who: Who, at: Timestamp, from_day: i64) -> String {
    let now = here(author, who, Attr::Department);
    let department = author.other_department(&now);
    move_to(author, who, at, from_day, department)
}

fn move_to(
    author: &mut Author,
    who: Who,
    at: Timestamp,
    from_day: i64,
    department: &'static Department,
) -> String {
    let stated = placed(author, department);
    let effective = Effective::Date(author.date(from_day));
    author.say(who, at, Some(effective), stated)
}

pub(super) fn placed(author: &mut Author, department: &'static Department) -> domain::Attrs {
    let title = author.title(department);
    let manager = author.head_of(department.name);
    attrs([
        (Attr::Department, Some(department.name)),
        (Attr::CostCenter, Some(department.cost_center)),
        (Attr::Title, Some(title)),
        (Attr::ManagerId, manager.as_deref()),
    ])
}

/// What was last stated about a record.
fn here(author: &mut Author, who: Who, attr: Attr) -> String {
    let last = author.contract_mut(who).and_then(|contract| {
        let stated = contract.history.iter().rev();
        let mut values = stated.filter_map(|stated| stated.attrs.text(attr));
        values.next().map(str::to_owned)
    });
    last.unwrap_or_default()
}

fn mover(author: &mut Author) {
    let who = settled(author, Story::Mover);
    let day = author.day(10, 80);
    let at = author.moment(day);
    // Announced the same day or up to a week ahead.
    let ahead = author.dice.between(0, 7);
    transfer(author, who, at, day.saturating_add(ahead));
}

fn relocation(author: &mut Author) {
    let who = settled(author, Story::Relocation);
    let day = author.day(10, 80);
    let at = author.moment(day);
    let now = here(author, who, Attr::Location);
    let other = author.dice.below(SITES.len());
    let site = SITES
        .iter()
        .cycle()
        .skip(other)
        .take(SITES.len())
        .find(|site| site.location != now)
        .unwrap_or(&SITES[0]);
    if let Some(contract) = author.contract_mut(who) {
        contract.zone = site.zone;
    }
    let effective = Effective::Date(author.date(day));
    let stated = attrs([
        (Attr::Location, Some(site.location)),
        (Attr::Country, Some(site.country)),
    ]);
    author.say(who, at, Some(effective), stated);
}

fn manager_change(author: &mut Author) {
    let who = settled(author, Story::ManagerChange);
    let day = author.day(10, 80);
    let at = author.moment(day);
    let now = here(author, who, Attr::Department);
    let other = author.other_department(&now);
    let manager = author.head_of(other.name);
    let stated = attrs([(Attr::ManagerId, manager.as_deref())]);
    author.say(who, at, None, stated);
}

fn name_change(author: &mut Author) {
    let who = settled(author, Story::NameChange);
    let day = author.day(10, 80);
    let at = author.moment(day);
    let family = here(author, who, Attr::FamilyName);
    let new = format!("Ní {family}");
    author.say(
        who,
        at,
        None,
        attrs([(Attr::FamilyName, Some(new.as_str()))]),
    );
}

/// An announced last day.
pub(super) fn give_notice(author: &mut Author, who: Who, announced: i64, last: i64) -> String {
    let at = author.moment(announced);
    let end = author.date(last);
    if let Some(contract) = author.contract_mut(who) {
        contract.end = Some(end);
    }
    let text = end.to_string();
    author.say(who, at, None, attrs([(Attr::EndDate, Some(text.as_str()))]))
}

fn leaver(author: &mut Author) {
    let who = known(author, Story::Leaver);
    let announced = author.day(10, 60);
    let last = announced.saturating_add(author.day(1, 30));
    give_notice(author, who, announced, last);
}

fn leaver_now(author: &mut Author) {
    let who = known(author, Story::LeaverNow);
    let day = author.day(10, 80);
    let at = author.moment(day);
    dismiss(author, who, at);
}

fn dismiss(author: &mut Author, who: Who, at: Timestamp) {
    let instant = at - SignedDuration::from_secs(2);
    let mut today = String::new();
    if let Some(contract) = author.contract_mut(who) {
        let day = instant.in_tz(contract.zone).map(|zoned| zoned.date());
        contract.end = day.ok();
        contract.cut = Some(instant);
        today = contract.end.map(|end| end.to_string()).unwrap_or_default();
    }
    let stated = attrs([
        (Attr::EndDate, Some(today.as_str())),
        (Attr::EndMode, Some("now")),
    ]);
    author.say(who, at, Some(Effective::Instant(instant)), stated);
    steady(author);
}

fn rehire(author: &mut Author) {
    let who = known(author, Story::Rehire);
    let announced = author.day(8, 20);
    let last = announced.saturating_add(1);
    give_notice(author, who, announced, last);
    steady(author);
    let again = last.saturating_add(3).saturating_add(author.day(5, 30));
    let begins = again.saturating_add(author.dice.between(1, 5));
    enter(author, who.person, again, begins, None, true);
    steady(author);
}

/// A contractor who is there from the beginning, until a day of the story.
fn contract(author: &mut Author, story: Story, last: i64) -> Who {
    let person = author.person(story);
    let at = first_morning(author);
    let department = author.department();
    let title = author.title(department);
    let hire = Hire {
        start: author.date(-60),
        at,
        department,
        title,
        until: Some(author.date(last)),
        has_email: true,
    };
    let (who, _) = author.hire(person, hire);
    steady(author);
    who
}

fn contractor(author: &mut Author) {
    let last = author.day(15, 85);
    contract(author, Story::Contractor, last);
}

fn contractor_extended(author: &mut Author) {
    let last = author.day(40, 70);
    let who = contract(author, Story::ContractorExtended, last);
    let announced = last.saturating_sub(5);
    let longer = last.saturating_add(author.day(50, 100));
    give_notice(author, who, announced, longer);
    steady(author);
}

fn conversion(author: &mut Author) {
    let last = author.day(40, 70);
    let who = contract(author, Story::Conversion, last);
    let announced = last.saturating_sub(4);
    enter(
        author,
        who.person,
        announced,
        last.saturating_add(1),
        None,
        true,
    );
    steady(author);
}

fn backdated_move(author: &mut Author) {
    let who = settled(author, Story::BackdatedMove);
    let day = author.day(25, 85);
    let at = author.moment(day);
    transfer(author, who, at, day.saturating_sub(5));
}

fn correction(author: &mut Author) {
    let who = settled(author, Story::Correction);
    let day = author.day(15, 70);
    let at = author.moment(day);
    let wrong = transfer(author, who, at, day);
    let named = here(author, who, Attr::Department);
    let right = author.other_department(&named);
    let later = author.moment(day.saturating_add(4));
    let stated = placed(author, right);
    let effective = Effective::Date(author.date(day));
    author.correct(who, later, Some(effective), stated, &wrong);
}

/// Half of the hires are rescinded before the first day, the others do not show up.
fn no_show(author: &mut Author) {
    let announced = author.day(10, 50);
    let begins = announced.saturating_add(6);
    let (who, event) = newcomer(author, Story::NoShow, announced, begins);
    if author.dice.chance(50) {
        let at = author.moment(announced.saturating_add(3));
        author.rescind(who, at, &event);
    } else {
        let at = author.moment(begins.saturating_add(1));
        let stated = attrs([(Attr::WorkerStatus, Some("no_show"))]);
        author.say(who, at, None, stated);
    }
    if let Some(contract) = author.contract_mut(who) {
        contract.never_began = true;
    }
}

/// Half of them after the last day already, so that access comes back.
fn termination_rescinded(author: &mut Author) {
    let who = known(author, Story::TerminationRescinded);
    let announced = author.day(15, 50);
    let last = announced.saturating_add(5);
    let event = give_notice(author, who, announced, last);
    let day = if author.dice.chance(50) {
        last.saturating_sub(2)
    } else {
        last.saturating_add(3)
    };
    let at = author.moment(day);
    author.rescind(who, at, &event);
    if let Some(contract) = author.contract_mut(who) {
        contract.end = None;
    }
}

/// Half of them are still away when the story ends.
fn leave(author: &mut Author) {
    let who = settled(author, Story::Leave);
    let gone = author.day(15, 45);
    let at = author.moment(gone.saturating_sub(2));
    let effective = Effective::Date(author.date(gone));
    let stated = attrs([(Attr::WorkerStatus, Some("leave"))]);
    author.say(who, at, Some(effective), stated);
    let from = author.date(gone);
    let mut back = None;
    if author.dice.chance(60) {
        let day = gone.saturating_add(author.day(15, 40));
        let at = author.moment(day.saturating_sub(1));
        let effective = Effective::Date(author.date(day));
        let stated = attrs([(Attr::WorkerStatus, Some("active"))]);
        author.say(who, at, Some(effective), stated);
        back = Some(author.date(day));
    }
    if let Some(contract) = author.contract_mut(who) {
        contract.leaves.push((from, back));
    }
}

fn several_changes(author: &mut Author) {
    let who = settled(author, Story::SeveralChanges);
    let day = author.day(10, 80);
    let at = author.settings.day(day) + SignedDuration::from_hours(10);
    transfer(author, who, at, day);
    let family = here(author, who, Attr::FamilyName);
    let new = format!("{family}-Ek");
    let later = at + SignedDuration::from_mins(11);
    let effective = Some(Effective::Date(author.date(day)));
    author.say(
        who,
        later,
        effective,
        attrs([(Attr::FamilyName, Some(new.as_str()))]),
    );
    // The second move of the day is the one that counts.
    transfer(author, who, later + SignedDuration::from_mins(25), day);
}

fn deleted(author: &mut Author) {
    let who = known(author, Story::Deleted);
    let day = author.day(20, 80);
    let at = author.moment(day);
    author.delete(who, at);
}

fn assignment(author: &mut Author) {
    let who = settled(author, Story::Assignment);
    let home = here(author, who, Attr::Department);
    let title = here(author, who, Attr::Title);
    let manager = here(author, who, Attr::ManagerId);
    let cost_center = here(author, who, Attr::CostCenter);
    let begins = author.day(15, 40);
    let at = author.moment(begins.saturating_sub(1));
    transfer(author, who, at, begins);
    let back = begins.saturating_add(author.day(15, 40));
    let effective = Some(Effective::Date(author.date(back)));
    let stated = attrs([
        (Attr::Department, Some(home.as_str())),
        (Attr::CostCenter, Some(&cost_center)),
        (Attr::Title, Some(&title)),
        (Attr::ManagerId, Some(&manager)),
    ]);
    author.say(who, at + SignedDuration::from_mins(3), effective, stated);
}
