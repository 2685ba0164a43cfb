//! Stories of records that are wrong, or that leave open whose they are.

use domain::Attr;

use super::Story;
use super::author::{Author, Who};
use super::stories::{enter, give_notice, placed, steady};
use super::world::NO_DEPARTMENT;

/// The first stays wrong, later ones are completed.
pub(super) fn no_end_date(author: &mut Author) {
    let announced = author.day(10, 50);
    let (who, repaired) = bad_record(author, Story::NoEndDate, announced, |stated| {
        stated.set(Attr::EmploymentType, "contractor");
    });
    if repaired {
        let last = author.day(90, 120);
        give_notice(author, who, announced.saturating_add(2), last);
    }
}

/// The first stays wrong, later ones are corrected.
pub(super) fn unknown_department(author: &mut Author) {
    let announced = author.day(10, 50);
    let (who, repaired) = bad_record(author, Story::UnknownDepartment, announced, |stated| {
        stated.set(Attr::Department, NO_DEPARTMENT);
    });
    if repaired {
        let at = author.moment(announced.saturating_add(2));
        let department = author.department();
        let stated = placed(author, department);
        author.say(who, at, None, stated);
    }
}

/// A newcomer whose record has something wrong with it, beginning the next day. Whether HR is
/// going to repair it.
fn bad_record(
    author: &mut Author,
    story: Story,
    announced: i64,
    spoil: fn(&mut domain::Attrs),
) -> (Who, bool) {
    let first = author.people.iter().all(|person| person.story != story);
    let person = author.person(story);
    author.spoil = Some(spoil);
    let (who, _) = enter(
        author,
        person,
        announced,
        announced.saturating_add(1),
        None,
        false,
    );
    author.spoil = None;
    if let Some(contract) = author.contract_mut(who) {
        contract.parked = first;
    }
    (who, !first)
}

/// Two people with one name are two people.
pub(super) fn same_name(author: &mut Author) {
    let twin = author.dice.below(author.personas.len());
    let Some(persona) = author.personas.get(twin).cloned() else {
        return;
    };
    let (given, family) = author.unmarked(&persona);
    let person = author.person_named(Story::SameName, &given, &family);
    let announced = author.day(10, 60);
    enter(
        author,
        person,
        announced,
        announced.saturating_add(3),
        None,
        false,
    );
}

/// Claims both addresses of somebody at work: a human has to decide.
pub(super) fn shared_email(author: &mut Author) {
    let person = author.person(Story::SharedEmail);
    let Some(victim) = author.personas.first().cloned() else {
        return;
    };
    if let Some(persona) = author.personas.get_mut(person) {
        persona.personal_email = victim.personal_email;
        persona.work_email = victim.work_email;
    }
    let announced = author.day(20, 60);
    let (who, _) = enter(
        author,
        person,
        announced,
        announced.saturating_add(2),
        None,
        true,
    );
    steady(author);
    if let Some(contract) = author.contract_mut(who) {
        contract.parked = true;
    }
}
