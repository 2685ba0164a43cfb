//! A person as an operator names one.

/// How somebody is named.
#[derive(Clone, Debug)]
pub struct Named {
    /// An identity id, or the source's own id of a worker.
    pub id: String,
    /// Which source, where several know the id.
    pub source: Option<String>,
}
