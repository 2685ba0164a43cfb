//! The target over HTTP: against a scripted server, answer by answer, and against a stateful one.

#[cfg(test)]
#[path = "../../../target-http/tests/support/mod.rs"]
mod script;

#[cfg(test)]
mod answers;
#[cfg(test)]
mod apply;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod holdings;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod memberships;
#[cfg(test)]
mod observe;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod put;
#[cfg(test)]
mod refused_members;
#[cfg(test)]
mod versions;
