//! The network between HR and us: posts arrive twice, late, and in the wrong order, but never
//! before they were sent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::dice::Dice;
use super::post::Post;

/// What arrives of the posts that were sent, in order of arrival. The posts at the indices
/// `steady` are not delayed.
pub(super) fn carry(
    dice: &mut Dice,
    close: Timestamp,
    mut posts: Vec<Post>,
    steady: &BTreeSet<usize>,
) -> Vec<Post> {
    let last = close - SignedDuration::from_hours(6);
    let mut newer: BTreeMap<usize, Timestamp> = BTreeMap::new();
    let mut copies = Vec::new();
    for (index, post) in posts.iter_mut().enumerate().rev() {
        let sent = post.at;
        if dice.chance(5) {
            let minutes = dice.between(0, 40 * 60);
            let mut copy = post.clone();
            copy.at = (sent + SignedDuration::from_mins(minutes + 7)).min(last);
            copies.push(copy);
        }
        let next = newer.insert(post.person, sent);
        if steady.contains(&index) {
            continue;
        }
        let overtaken = next.filter(|next| {
            next.duration_since(sent) < SignedDuration::from_hours(14 * 24) && dice.chance(30)
        });
        if let Some(next) = overtaken {
            let minutes = dice.between(1, 120);
            post.at = (next + SignedDuration::from_mins(minutes)).min(last);
        } else if dice.chance(6) {
            let hours = dice.between(1, 50);
            post.at = (sent + SignedDuration::from_hours(hours)).min(last);
        }
    }
    posts.append(&mut copies);
    posts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));

    // Event ids count upwards, so that a smaller one behind a larger one was overtaken.
    let mut seen = BTreeSet::new();
    let mut newest: BTreeMap<usize, String> = BTreeMap::new();
    for post in &mut posts {
        post.again = !seen.insert(post.id.clone());
        let newest = newest.entry(post.person).or_default();
        post.overtaken = !post.again && post.id < *newest;
        if post.id > *newest {
            newest.clone_from(&post.id);
        }
    }
    posts
}
