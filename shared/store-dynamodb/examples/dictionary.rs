//! Trains a dictionary for values of the table: reads one JSON value a line, writes the dictionary.
//!
//! ```text
//! lanyard export … && jq -c '.record?, .accounts[]?, .facts[]?' state.jsonl |
//!     cargo run -p store-dynamodb --example dictionary > shared/store-dynamodb/src/packed/NEXT.zdict
//! ```
//!
//! Only ever from invented people: pieces of the values end up in the dictionary. A dictionary that has
//! been used is kept for ever, because whatever was packed with it reads with no other.

use std::io::{self, Read as _, Write as _};

/// Bytes of a dictionary.
const SIZE: usize = 8 * 1024;

fn main() -> io::Result<()> {
    let mut lines = String::new();
    io::stdin().read_to_string(&mut lines)?;
    let values: Vec<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
    let dictionary = zstd::dict::from_samples(&values, SIZE)?;
    io::stdout().write_all(&dictionary)
}
