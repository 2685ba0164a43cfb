//! The target over HTTP, as a client meets it.

#[cfg(test)]
mod api;
#[cfg(test)]
mod crud;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod dialects_mixed;
#[cfg(test)]
mod dialects_more;
#[cfg(test)]
mod faults_lists;
#[cfg(test)]
mod faults_patch;
#[cfg(test)]
mod faults_reads;
#[cfg(test)]
mod faults_resources;
#[cfg(test)]
mod faults_transport;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod patches;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod rate;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod truths;
#[cfg(test)]
mod truths_groups;
