//! A fictional company's HR life: who works there, what HR says about them and when, and what is
//! true about them. One seed gives one company, to the byte.
//!
//! The generator knows neither planner nor targets. What it keeps in [`Person`] is the other
//! witness of the demo's closing self-check.

mod author;
mod dice;
mod doubts;
mod names;
mod network;
mod person;
mod post;
mod stories;
mod world;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

pub use person::{Contract, Person, Standing, Stated};
pub use post::{Post, sign};

/// The smallest company in which everything happens once.
pub const FEWEST_PEOPLE: usize = 45;
/// The shortest time in which everything can happen.
pub const FEWEST_DAYS: u16 = 20;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Same seed, same company.
    pub seed: u64,
    /// Humans, at least [`FEWEST_PEOPLE`].
    pub people: usize,
    /// The first day of the story.
    pub first_day: Date,
    /// How many days it covers, at least [`FEWEST_DAYS`].
    pub days: u16,
    /// Lower-case letters that every personal field carries, so that a test finds a leak by
    /// looking for them.
    pub marker: Option<Box<str>>,
}

impl Settings {
    /// Midnight UTC of a day of the story, counted from 0.
    pub fn day(&self, index: i64) -> Timestamp {
        let days = index.clamp(-20_000, 20_000).days();
        let date = self.first_day.checked_add(days).unwrap_or(self.first_day);
        person::midnight(date, "UTC")
    }

    /// The instant at which the story is over; every post arrives before it.
    pub fn close(&self) -> Timestamp {
        self.day(i64::from(self.days))
    }
}

macro_rules! stories {
    ($($(#[$doc:meta])* $variant:ident => ($weight:literal, $label:literal),)*) => {
        /// What happens to a person.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Story { $($(#[$doc])* $variant,)* }

        impl Story {
            /// Every story.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// For people.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// How often it happens, relative to the others.
            const fn weight(self) -> usize {
                match self { $(Self::$variant => $weight,)* }
            }
        }
    };
}

stories! {
    /// Was there before and stays as they are.
    Settled => (46, "settled"),
    /// Begins within the story.
    Joiner => (12, "joiner"),
    /// Is announced weeks ahead.
    FutureHire => (3, "future-dated hire"),
    /// Changes department, title and manager.
    Mover => (8, "mover"),
    /// Changes site, and with it time zone and country.
    Relocation => (3, "relocation"),
    /// Gets another manager.
    ManagerChange => (3, "manager change"),
    /// Changes their name.
    NameChange => (3, "name change"),
    /// Leaves at the end of an announced day.
    Leaver => (6, "leaver, end of day"),
    /// Leaves this instant.
    LeaverNow => (3, "leaver, immediate"),
    /// Leaves and comes back under a new employee id with the same e-mail address.
    Rehire => (3, "rehire"),
    /// A contract that ends by itself.
    Contractor => (5, "contractor, contract ends"),
    /// A contract that is prolonged before it ends.
    ContractorExtended => (2, "contractor, extended"),
    /// A contractor who becomes an employee under a new record.
    Conversion => (2, "contractor to employee"),
    /// A move that HR enters days after it happened.
    BackdatedMove => (2, "backdated move"),
    /// A move to the wrong department that HR corrects days later.
    Correction => (2, "backdated correction"),
    /// A hire that is taken back.
    NoShow => (2, "hire rescinded"),
    /// A termination that is taken back.
    TerminationRescinded => (2, "termination rescinded"),
    /// Extended leave, and back.
    Leave => (3, "leave and return"),
    /// Three changes in one day.
    SeveralChanges => (2, "several changes in a day"),
    /// The record is deleted instead of terminated.
    Deleted => (2, "record deleted"),
    /// A contractor whose record lacks the end of the contract.
    NoEndDate => (1, "contractor without end date"),
    /// A record with a department that nobody knows.
    UnknownDepartment => (1, "unknown department"),
    /// The same name as somebody who is there already.
    SameName => (2, "same name"),
    /// An assignment to another department with an announced return.
    Assignment => (2, "temporary assignment"),
    /// Claims the e-mail address of somebody else.
    SharedEmail => (1, "e-mail of somebody else"),
}

/// The whole story.
#[derive(Clone, Debug)]
pub struct Company {
    /// What it was generated from.
    pub settings: Settings,
    /// The humans, by number.
    pub people: Vec<Person>,
    /// What HR posts, in order of arrival.
    pub posts: Vec<Post>,
}

impl Company {
    /// Generates it.
    pub fn new(settings: Settings) -> Self {
        author::write(settings)
    }
}

#[cfg(test)]
mod tests;
