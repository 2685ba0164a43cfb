//! Finds out the dialect of a target by trying: sandbox users and a sandbox group are made, changed
//! and deleted, and what is read back counts. The answer is a [`domain::Profile`] in which
//! everything that was not shown to work is unproven.
//!
//! It touches nothing that it did not make itself in the same run, but for the membership of a
//! sandbox user in one empty group that the caller may name. It sends every request once, at most
//! so many, and clears up at the end, however that comes about; what cannot be removed is listed.
//! It never shows what a server says in `detail`, nor anything of other accounts.

mod attributes;
mod clean;
mod create;
mod discovery;
mod filters;
mod groups;
mod json;
mod lab;
mod life;
mod members;
mod paging;
mod refused;
mod report;
mod sandbox;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use domain::profile::Operation;
use ports::Secrets;

pub use report::{Finding, How, Left, Report, Settings, SettingsError};

use crate::ScimTarget;
use lab::{Lab, Stop};

/// Probes a target. Its profile is the base: what no experiment shows stays as it is there. When
/// `until` completes, the experiments end where they are; the clearing up is done in any case.
pub async fn probe<S: Secrets>(
    target: &ScimTarget<S>,
    settings: &Settings,
    until: impl Future<Output = ()>,
) -> Result<Report, SettingsError> {
    settings.check()?;
    let mut lab = Lab::new(&target.wire, &target.profile, settings);
    let stopped = {
        let mut work = pin!(experiments(&mut lab));
        let mut until = pin!(until);
        poll_fn(|context| match until.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Stop("interrupted".into()))),
            Poll::Pending => work.as_mut().poll(context),
        })
        .await
    };
    clean::up(&mut lab).await;
    lab.headers();
    Ok(conclude(lab, target.target.clone(), stopped))
}

/// In an order in which each finds what it needs and spoils nothing for the next.
async fn experiments<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    discovery::read(lab).await?;
    let shape = create::least(lab).await?;
    if let Some(shape) = &shape {
        create::rich(lab, shape).await?;
    }
    filters::users(lab).await?;
    paging::read(lab).await?;
    let Some(shape) = shape else {
        for (key, _) in report::KEYS {
            if !lab.findings.iter().any(|finding| finding.key == key) {
                lab.assume(key, "no sandbox user could be made");
            }
        }
        return Ok(());
    };
    refused::lists(lab, &shape).await?;
    refused::unknown(lab, &shape).await?;
    attributes::forms(lab, &shape).await?;
    attributes::manager(lab).await?;
    attributes::versions(lab).await?;
    life::block(lab, &shape).await?;
    groups::read(lab).await?;
    attributes::rename(lab, &shape).await?;
    life::delete(lab, &shape).await?;
    refused::taken(lab, &shape).await?;
    refused::longest(lab, &shape).await
}

fn conclude<S: Secrets>(
    mut lab: Lab<'_, S>,
    target: domain::TargetId,
    stopped: Result<(), Stop>,
) -> Report {
    let stopped = stopped.err().map(|Stop(why)| why);
    for (key, why) in report::KEYS {
        if !lab.findings.iter().any(|finding| finding.key == key) {
            lab.assume(key, why);
        }
    }
    if lab.profile.find_by.is_empty() {
        // Nobody could tell whether the account exists already.
        lab.proven.remove(&Operation::Create);
    }
    let unproven = Operation::ALL
        .into_iter()
        .filter(|op| !lab.proven.contains(op));
    lab.profile.unproven = unproven.collect();
    let proven = report::names(lab.proven.iter().copied());
    let mut note = format!("shown to work: {proven}");
    if lab.profile.find_by.is_empty() {
        note.push_str("; nothing is created where nobody can look whether it exists");
    }
    let groups = |finding: &Finding| finding.key == "group.by_name" && finding.value != "works";
    if lab.findings.iter().any(groups) {
        note.push_str("; nobody joins groups that cannot be looked up");
    }
    lab.settle("unproven", note);
    Report {
        target,
        marker: lab.settings.name("").into(),
        stopped,
        requests: lab.requests(),
        findings: lab.findings,
        profile: lab.profile,
        left: lab.left,
    }
}
