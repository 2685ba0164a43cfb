//! A person as an operator names one.

/// How somebody is named.
#[derive(Clone, Debug)]
pub struct Named {
    /// An identity id, or the source's own id of a worker.
    pub id: String,
    /// Which source, where several know the id.
    pub source: Option<String>,
}

/// What is shown about somebody beside the answer.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Known {
    /// The identity.
    pub identity: domain::IdentityId,
    /// The name, for the operator.
    pub name: domain::Pii<Box<str>>,
}
