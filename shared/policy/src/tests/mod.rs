//! What loads, what does not, and in which words.

mod samples;
