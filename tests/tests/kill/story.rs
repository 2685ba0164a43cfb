//! What HR says in a run: 200 posts about some 80 people, and what has to be true of each of them
//! in the end, in words of this suite alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tests::sim::Dice;
use tests::world::Says;

/// How long before a change takes effect HR tells about some of them. Only the clock then sees to
/// them.
const AHEAD: SignedDuration = SignedDuration::from_secs(2);

/// How far a post may be overtaken by others.
const OVERTAKEN: u64 = 12;

/// How many there are of whom.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// Those who only come.
    pub joiners: u64,
    /// Those whose department changes, and their e-mail address with it.
    pub movers: u64,
    /// Those whose department changes some seconds after HR said so.
    pub dated: u64,
    /// Those who leave.
    pub leavers: u64,
    /// Those who leave and come back.
    pub returners: u64,
    /// Those about whom something is missing.
    pub parked: u64,
    /// Those about whom something was missing.
    pub repaired: u64,
    /// Posts that are sent a second time although they were accepted.
    pub doubled: u64,
}

impl Cast {
    /// Of a run of 200 posts.
    pub const WHOLE: Self = Self {
        joiners: 12,
        movers: 18,
        dated: 8,
        leavers: 36,
        returners: 6,
        parked: 3,
        repaired: 3,
        doubled: 37,
    };

    /// Of a short run.
    pub const SMALL: Self = Self {
        joiners: 4,
        movers: 8,
        dated: 0,
        leavers: 10,
        returners: 0,
        parked: 1,
        repaired: 1,
        doubled: 4,
    };
}

/// What has to be true of somebody in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One account, which can sign in, with these groups and this address.
    Active {
        groups: BTreeSet<String>,
        email: String,
    },
    /// No account that can sign in or is in a group; at most one at all.
    Gone,
    /// No account.
    Nothing,
}

/// A post.
#[derive(Clone, Debug)]
pub struct Post {
    pub worker: String,
    /// Which event it is. One that is sent twice has one id.
    pub event: String,
    pub says: Says,
    /// Whether what it says begins to hold some seconds after it was sent first.
    pub ahead: bool,
}

impl Post {
    /// Fixes what it says: later, the same bytes are sent. When it begins to hold, if that is yet to
    /// come.
    pub fn fix(&mut self, now: Timestamp) -> Option<Timestamp> {
        if !std::mem::take(&mut self.ahead) {
            return None;
        }
        let begins = now + AHEAD;
        self.says = self.says.clone().from(&begins.to_string());
        Some(begins)
    }
}

/// Everything that HR says, and what it comes to.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// In the order in which posts are sent.
    pub posts: Vec<Post>,
    /// By worker.
    pub wanted: BTreeMap<String, Wanted>,
}

struct Author<'a> {
    dice: &'a mut Dice,
    story: Story,
    /// Recorded an hour ago and later, each post a second after the one before.
    recorded: Timestamp,
}

/// Draws a story.
pub fn draw(dice: &mut Dice, cast: Cast, now: Timestamp) -> Story {
    let mut author = Author {
        dice,
        story: Story::default(),
        recorded: now - SignedDuration::from_hours(1),
    };
    for _ in 0..cast.joiners {
        author.joiner();
    }
    for number in 0..cast.movers + cast.dated {
        author.mover(number >= cast.movers);
    }
    for number in 0..cast.leavers + cast.returners {
        author.leaver(number >= cast.leavers);
    }
    for number in 0..cast.parked + cast.repaired {
        author.parked(number >= cast.parked);
    }
    let mut story = author.story;
    // Posts of one person are some places apart, overtake each other, and come twice.
    let mut placed: Vec<(u64, Post)> = Vec::new();
    let mut next: BTreeMap<String, u64> = BTreeMap::new();
    let length = story.posts.len() as u64;
    for post in std::mem::take(&mut story.posts) {
        let first = dice.below(length);
        let place = next.entry(post.worker.clone()).or_insert(first);
        placed.push((*place + dice.below(OVERTAKEN), post));
        *place += OVERTAKEN;
    }
    for _ in 0..cast.doubled {
        let (place, post) = dice.pick(&placed).clone();
        placed.push((place + 1 + dice.below(OVERTAKEN), post));
    }
    placed.sort_by_key(|(place, _)| *place);
    story.posts = placed.into_iter().map(|(_, post)| post).collect();
    story
}

impl Author<'_> {
    fn says(&mut self, worker: &str, says: Says, ahead: bool) {
        self.recorded += SignedDuration::from_secs(1);
        let event = format!("msg-{:03}", self.story.posts.len());
        let says = says.as_event(&event).recorded(&self.recorded.to_string());
        self.story.posts.push(Post {
            worker: worker.to_owned(),
            event,
            says,
            ahead,
        });
    }

    fn hire(&mut self) -> (String, &'static str, String, Says) {
        let number = self.story.wanted.len();
        let worker = format!("W{number:03}");
        let department = *self.dice.pick(&["Engineering", "Sales"]);
        // Many have the same name and fight for identifiers.
        let given = *self.dice.pick(&["Ana", "Rui", "Eva"]);
        let email = format!("{}@example.com", worker.to_lowercase());
        let says = Says::hires(&worker, (given, "Sousa"), department, "2024-01-01");
        let says = says.that("work_email", &email);
        (worker, department, email, says)
    }

    fn wants(&mut self, worker: String, department: &str, email: String) {
        let mut groups = BTreeSet::from(["staff".to_owned()]);
        if department == "Engineering" {
            groups.insert("Engineers".to_owned());
        }
        let wanted = Wanted::Active { groups, email };
        self.story.wanted.insert(worker, wanted);
    }

    fn joiner(&mut self) {
        let (worker, department, email, says) = self.hire();
        self.says(&worker, says, false);
        self.wants(worker, department, email);
    }

    fn mover(&mut self, ahead: bool) {
        let (worker, department, email, says) = self.hire();
        self.says(&worker, says, false);
        let next = match department {
            "Sales" => "Engineering",
            _ => "Sales",
        };
        let email = format!("moved.{email}");
        let says = Says::about(&worker)
            .that("department", next)
            .that("work_email", &email)
            .from("2024-06-01");
        self.says(&worker, says, ahead);
        self.wants(worker, next, email);
    }

    fn leaver(&mut self, returns: bool) {
        let (worker, department, email, says) = self.hire();
        self.says(&worker, says, false);
        let says = Says::about(&worker)
            .that("worker_status", "terminated")
            .that("end_date", "2025-01-01")
            .that("end_mode", "now")
            .from("2025-01-01");
        self.says(&worker, says, false);
        if !returns {
            self.story.wanted.insert(worker, Wanted::Gone);
            return;
        }
        let says = Says::about(&worker)
            .that("worker_status", "active")
            .not("end_date")
            .not("end_mode")
            .from("2025-06-01");
        self.says(&worker, says, false);
        self.wants(worker, department, email);
    }

    fn parked(&mut self, repaired: bool) {
        let (worker, department, email, says) = self.hire();
        self.says(&worker, says.not("employment_type"), false);
        if !repaired {
            self.story.wanted.insert(worker, Wanted::Nothing);
            return;
        }
        let says = Says::about(&worker)
            .that("employment_type", "employee")
            .from("2024-01-01");
        self.says(&worker, says, false);
        self.wants(worker, department, email);
    }
}
