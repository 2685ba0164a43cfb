//! For programs: everybody for whom something becomes different, written as they come, and the
//! summary last, because only then it is known.

use std::io::Write;

use super::super::{Affected, Diff};

/// JSON under way: `{"people":[...],"summary":{...}}` on one line.
pub struct Json<W> {
    out: W,
    first: bool,
}

impl<W: Write> Json<W> {
    /// Begins.
    pub fn new(mut out: W) -> std::io::Result<Self> {
        out.write_all(b"{\"people\":[")?;
        Ok(Self { out, first: true })
    }

    /// One person.
    pub fn add(&mut self, person: &Affected) -> std::io::Result<()> {
        if !std::mem::take(&mut self.first) {
            self.out.write_all(b",")?;
        }
        serde_json::to_writer(&mut self.out, person).map_err(std::io::Error::from)
    }

    /// Ends, with the hash under which the comparison was saved, if it was.
    pub fn finish(mut self, diff: &Diff, saved: Option<domain::Hash>) -> std::io::Result<()> {
        self.out.write_all(b"],\"summary\":")?;
        serde_json::to_writer(&mut self.out, &diff.summary()).map_err(std::io::Error::from)?;
        if let Some(saved) = saved {
            write!(self.out, ",\"saved\":\"{saved}\"")?;
        }
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}
