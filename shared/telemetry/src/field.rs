//! The fields that a log line may have.

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// A field that a log line may have. None of them is ever personal; a new one is a
        /// decision that a reviewer sees.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $($(#[$doc])* $variant,)* }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in code and on the line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The field of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

fields! {
    /// The platform's id of the request.
    RequestId => "request_id",
    /// The root of the platform's trace.
    Trace => "trace",
    /// A source's name in policy.
    Source => "source",
    /// A target's name in policy.
    Target => "target",
    /// A worker record's opaque key.
    Record => "record",
    /// An identity's opaque id.
    Identity => "identity",
    /// An entitlement's name in policy.
    Entitlement => "entitlement",
    /// What a limit is about: a class of changes, or removals from one group.
    Scope => "scope",
    /// A rule's name in policy.
    Rule => "rule",
    /// The queue's number for a message.
    MessageId => "message_id",
    /// The start of a delivery's hash.
    Delivery => "delivery",
    /// A decision's number.
    Generation => "generation",
    /// Hash of the policy, shortened.
    Policy => "policy",
    /// Hash of a plan, shortened.
    Plan => "plan",
    /// A reconciliation run.
    Run => "run",
    /// A queue's name.
    Lane => "lane",
    /// Why somebody is looked at.
    Cause => "cause",
    /// Name of a change or operation.
    Op => "op",
    /// What it came to.
    Outcome => "outcome",
    /// What happened to a human, as classified.
    Jml => "jml",
    /// Name of an attribute, never its value.
    Attr => "attr",
    /// A constant text for why something is so.
    Reason => "reason",
    /// An error's text; ours name ids and attributes only.
    Error => "error",
    /// `Retry`, `Reject` or `Halt`.
    ErrorType => "error_type",
    /// An HTTP method.
    Method => "method",
    /// A path as it is documented, with names in braces where ids stand.
    Template => "template",
    /// An HTTP status.
    Status => "status",
    /// Attempts so far.
    Attempts => "attempts",
    /// Page number.
    Page => "page",
    /// How many.
    Count => "count",
    /// How many facts.
    Facts => "facts",
    /// How many changes.
    Changes => "changes",
    /// How many findings.
    Findings => "findings",
    /// How many findings are new since the last run.
    New => "new",
    /// How many findings of the last run are gone.
    Closed => "closed",
    /// How many changes a limit stopped.
    Held => "held",
    /// How many identities are to be planned again.
    Replanned => "replanned",
    /// Whether every user was observed.
    Users => "users",
    /// Whether every group was observed.
    Groups => "groups",
    /// When something begins.
    Begins => "begins",
    /// How many were passed over.
    Skipped => "skipped",
    /// Position in a delivery.
    Index => "index",
    /// Size.
    Bytes => "bytes",
    /// Duration in milliseconds.
    DurationMs => "duration_ms",
    /// Waiting time in seconds.
    RetryAfterS => "retry_after_s",
    /// A network address to listen on.
    Listen => "listen",
}
