//! The operator's command line and what it is made of: a generator of fictional companies, the
//! whole of Lanyard wired into one process, and the commands over both.

pub mod cli;
pub mod client;
pub mod cloud;
pub mod company;
pub mod demo;
pub mod holds;
pub mod home;
pub mod local;
pub mod operations;
pub mod preview;
pub mod probe;
pub mod release;
pub mod stack;
