//! From a compared policy to the active one: what exceeds a limit is held before the first
//! decision is made under the new version, and only then does the pointer flip.

use std::sync::Arc;

use domain::Hash;
use domain::plan::Compiled;
use domain::preview::Verdict;
use jiff::Timestamp;
use ports::Objects;
use ports::objects::Tag;
use serde::Serialize;

use crate::holds::Opening;
use crate::preview::{self, Desk, Saved, compiled};
use publication::Active;

/// What became of a publication.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The version is active.
    Published {
        /// The pointer.
        active: Active,
        /// What waits for an operator from its first decision on.
        held: Vec<Opening>,
    },
    /// It was the active one already.
    AlreadyActive {
        /// Which.
        version: Hash,
    },
    /// Nothing was done.
    Refused {
        /// Why, and what to do about it.
        why: String,
    },
}

/// What is in force, and the state that it is in force over.
pub struct Ground<'a, O> {
    /// Where versions are.
    pub objects: &'a O,
    /// The pointer, read before what is in force: a version that somebody else makes active meanwhile was not
    /// compared with.
    pub was: Option<(Active, Tag)>,
    /// The state; `None` where there is nobody yet.
    pub desk: Option<&'a Desk>,
    /// The policy in force, published or not.
    pub from: Option<&'a Arc<Compiled>>,
    /// Now.
    pub at: Timestamp,
}

/// A policy to be published.
pub struct Candidate<'a> {
    /// Its files, with names.
    pub files: &'a [(String, String)],
    /// The same, read.
    pub to: &'a Arc<Compiled>,
    /// The saved comparison that was read by a human.
    pub diff: Option<Hash>,
}

/// How to get at a comparison.
const AGAIN: &str =
    "run `lanyard diff --to DIR --data DIR --save`, read it, and name its hash with --diff";

/// Makes a policy the active one, if the comparison that is named still says what would happen.
/// `open` opens the holds and has to succeed before anything else is done.
pub async fn publish<O: Objects>(
    ground: &Ground<'_, O>,
    candidate: &Candidate<'_>,
    open: impl AsyncFnOnce(&[Opening]) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let version = candidate.to.policy.version;
    let was = ground.was.as_ref();
    if was.is_some_and(|(was, _)| was.version == version) {
        // Whoever publishes what is active may do so because it is damaged.
        publication::store(ground.objects, version, candidate.files, ground.at).await?;
        return Ok(Outcome::AlreadyActive { version });
    }
    // Whoever is there was decided under what is in force, published or not; a version that is
    // in force already changes nothing for anybody.
    let from = ground.from.filter(|from| from.policy.version != version);
    let (mut diff, mut held) = (None, Vec::new());
    if let (Some(from), Some(desk)) = (from, ground.desk) {
        match compared(ground.objects, desk, from, candidate).await? {
            Ok((hash, verdicts)) => {
                diff = Some(hash);
                held = openings(&verdicts);
            }
            Err(why) => return Ok(Outcome::Refused { why }),
        }
    }
    publication::store(ground.objects, version, candidate.files, ground.at).await?;
    if !held.is_empty() {
        open(&held).await?;
    }
    let active = publication::flip(ground.objects, was, version, diff, ground.at).await?;
    Ok(Outcome::Published { active, held })
}

/// Goes back to a version: the named one, or the one that was active before. Nobody has to have
/// compared, because it is done in haste; the comparison is made and kept all the same, and what
/// exceeds a limit is held.
pub async fn roll_back<O: Objects>(
    ground: &Ground<'_, O>,
    name: Option<&str>,
    open: impl AsyncFnOnce(&[Opening]) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let Some(was) = &ground.was else {
        anyhow::bail!("nothing was ever published here");
    };
    let version = publication::earlier(ground.objects, &was.0, name).await?;
    if version == was.0.version {
        return Ok(Outcome::AlreadyActive { version });
    }
    // What does not read back any more is not made active.
    let to = compiled(publication::load(ground.objects, version).await?);
    let (mut saved, mut held) = (None, Vec::new());
    let from = ground.from.filter(|from| from.policy.version != version);
    if let (Some(from), Some(desk)) = (from, ground.desk) {
        let found = preview::diff(desk, from, &to, 0, |_| Ok(())).await?;
        saved = Some(publication::save_diff(ground.objects, &found.saved()).await?);
        held = openings(&found.verdicts);
    }
    if !held.is_empty() {
        open(&held).await?;
    }
    let active = publication::flip(ground.objects, Some(was), version, saved, ground.at).await?;
    Ok(Outcome::Published { active, held })
}

/// The saved comparison with the limits' verdicts, if it says what would happen now.
async fn compared<O: Objects>(
    objects: &O,
    desk: &Desk,
    from: &Arc<Compiled>,
    candidate: &Candidate<'_>,
) -> anyhow::Result<Result<(Hash, Vec<Verdict>), String>> {
    let to = candidate.to;
    let Some(named) = candidate.diff else {
        return Ok(Err(format!(
            "policy {} is in force and nobody has compared; {AGAIN}",
            from.policy.version.short()
        )));
    };
    let Some(saved) = publication::saved_diff::<Saved, _>(objects, named).await? else {
        return Ok(Err(format!(
            "no comparison is saved under this hash; {AGAIN}"
        )));
    };
    if (saved.from, saved.to) != (from.policy.version, to.policy.version) {
        return Ok(Err(format!(
            "the comparison is of {} and {}, but {} is in force and {} is to be published; {AGAIN}",
            saved.from.short(),
            saved.to.short(),
            from.policy.version.short(),
            to.policy.version.short()
        )));
    }
    let found = preview::diff(desk, from, to, 0, |_| Ok(())).await?;
    let now = found.saved();
    if (now.digest, now.recorrelated) != (saved.digest, saved.recorrelated) {
        return Ok(Err(format!(
            "people have changed since the comparison: {} were affected at {}, {} are now, and \
             not in the same way; {AGAIN}",
            saved.affected, saved.at, now.affected
        )));
    }
    Ok(Ok((named, found.verdicts)))
}

/// The holds to open for what a comparison says is held.
fn openings(verdicts: &[Verdict]) -> Vec<Opening> {
    let held = verdicts.iter().filter(|verdict| verdict.held);
    held.map(|verdict| Opening {
        target: verdict.target.clone(),
        scope: verdict.scope.clone(),
        allowed: verdict.allowed,
    })
    .collect()
}
