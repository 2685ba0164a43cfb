//! The prober against the SCIM target of the tests, over HTTP.

mod bench;
mod dialects;
mod ends;
mod switches;
