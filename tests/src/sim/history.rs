//! What HR says about a few people, in the order in which it arrives: shuffled and doubled.

use super::{Dice, Weather};
use crate::world::Says;

/// One post.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What it says.
    pub says: Says,
}

/// The people of a run.
pub fn workers(weather: Weather) -> Vec<String> {
    (0..weather.people).map(|n| format!("W{n}")).collect()
}

/// Everything that HR says, last first.
pub fn deliveries(dice: &mut Dice, weather: Weather) -> Vec<Delivery> {
    if weather.rates.slow > 0 {
        return short_stays(dice, weather);
    }
    let mut all = Vec::new();
    for worker in workers(weather) {
        for n in 0..weather.facts.max(1) {
            let event = format!("{worker}-{n}");
            let says = if n == 0 {
                hire(dice, &worker)
            } else {
                change(dice, &worker, n)
            };
            // A few seconds apart, so that no two statements were recorded at once.
            let recorded = format!("2026-02-01T10:{:02}:{:02}Z", n / 60, n % 60);
            let says = says.as_event(&event).recorded(&recorded);
            for _ in 0..=u64::from(dice.below(4) == 0) {
                all.push(Delivery { says: says.clone() });
            }
        }
    }
    dice.shuffle(&mut all);
    all
}

/// Everybody is hired, and then moves and leaves at once, one after the other.
fn short_stays(dice: &mut Dice, weather: Weather) -> Vec<Delivery> {
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for worker in workers(weather) {
        let hire = Says::hires(&worker, ("Ana", "Silva"), "Sales", "2026-03-02");
        let to = dice.pick::<&str>(&["Engineering", "Finance", "Treasury"]);
        let moves = Says::about(&worker).that("department", to);
        let leaves = Says::about(&worker)
            .that("end_mode", "now")
            .that("worker_status", "terminated");
        for (n, says) in [hire, moves, leaves].into_iter().enumerate() {
            let says = says
                .from("2026-03-02")
                .as_event(&format!("{worker}-{n}"))
                .recorded(&format!("2026-03-02T07:00:{n:02}Z"));
            let part = if n == 0 { &mut first } else { &mut then };
            part.push(Delivery { says });
        }
    }
    first.append(&mut then);
    first.reverse();
    first
}

/// Namesakes, all of them, so that they fight for identifiers.
fn hire(dice: &mut Dice, worker: &str) -> Says {
    let start = *dice.pick::<&str>(&["2026-02-02", "2026-03-02", "2026-03-03", "2026-03-20"]);
    Says::hires(worker, ("Ana", "Silva"), department(dice), start)
}

fn department(dice: &mut Dice) -> &'static str {
    dice.pick::<&str>(&["Engineering", "Finance", "Treasury", "Sales", "Astrology"])
}

fn change(dice: &mut Dice, worker: &str, n: u64) -> Says {
    let day = format!("2026-03-{:02}", dice.below(12) + 1);
    let about = Says::about(worker);
    let says = match dice.below(9) {
        0 | 1 => about.that("department", department(dice)),
        2 => about.that("title", dice.pick::<&str>(&["Lead", "Clerk", "Boss"])),
        3 => about.that("worker_status", "leave"),
        4 => about.that("worker_status", "active").not("end_date"),
        5 => about
            .that("worker_status", "terminated")
            .that("end_date", &day),
        6 => about
            .that("end_mode", "now")
            .that("worker_status", "terminated"),
        7 => about.not("title"),
        _ => {
            let event = format!("{worker}-{}", dice.below(n));
            return Says::rescinds(worker, &event).from(&day);
        }
    };
    says.from(&day)
}
