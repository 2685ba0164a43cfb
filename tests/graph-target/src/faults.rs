//! Misbehaviours of Microsoft Graph and of the way to it, switched on while the target runs.

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })?,)*) => {
        /// One misbehaviour, with its parameters.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $ty),* })?,)*
        }

        /// Names a [`Fault`] without its parameters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// Which misbehaviour this is.
            pub fn kind(&self) -> FaultKind {
                match self {
                    $(Fault::$name $({ $($field: _),* })? => FaultKind::$name,)*
                }
            }
        }

        impl FaultKind {
            /// Every misbehaviour that the target knows.
            pub const ALL: &'static [FaultKind] = &[$(FaultKind::$name),*];
        }
    };
}

faults! {
    // Replication.
    /// The first requests that name a user by id after its creation over HTTP answer 404, `$ref` bodies included.
    NotFoundAfterCreate {
        /// How many requests, for each user.
        misses: u32,
    },
    /// The first lists and filters after a user's creation over HTTP leave it out.
    CreateNotListed {
        /// How many lists, for each user.
        lists: u32,
    },
    /// The first GETs of a user after a PATCH show it as it was before.
    StaleReads {
        /// How many reads, after each PATCH.
        reads: u32,
    },

    // Conflicts.
    /// What a create, a change or a restore answers when a key is taken already.
    DuplicateAnswer {
        /// The form of the answer.
        style: DuplicateStyle,
    },
    /// POST of a user is refused as a duplicate although nothing visible has its keys.
    CreateConflict {
        /// The form of the answer.
        style: DuplicateStyle,
    },
    /// 403 `Directory_QuotaExceeded` for a write.
    QuotaExceeded,
    /// 409 `Directory_ConcurrencyViolation` for a write.
    ConcurrencyViolation,

    // Lists.
    /// Pages hold fewer objects than asked for.
    ShortPages {
        /// Objects in a page at most.
        max: usize,
    },
    /// A page answers with an error; the others are well.
    PageError {
        /// The first page is 1.
        page: usize,
        /// The HTTP status.
        status: u16,
    },
    /// Lists end early, without a next link.
    TruncatedList {
        /// Objects that are delivered over all pages.
        deliver: usize,
    },
    /// 200 with no objects.
    EmptyList,
    /// The next link is the link of the page that it stands on.
    RepeatedNextLink,
    /// The next link leads to another host.
    ForeignNextLink,
    /// 410 with a `Location` for a delta token that is good.
    DeltaGone,
    /// 400 `syncStateNotFound` for a delta token that is good.
    DeltaLost,

    // Batches.
    /// One answer is missing from the answer to a batch; the request was carried out.
    BatchAnswerMissing,

    // Tokens.
    /// Tokens live this long.
    TokenLifetime {
        /// In seconds.
        seconds: u32,
    },
    /// The token endpoint refuses with this number.
    TokenRefused {
        /// The digits after `AADSTS`.
        number: u32,
    },
    /// 401 `InvalidAuthenticationToken` for a good token.
    Unauthorized,

    // Other answers.
    /// `revokeSignInSessions` answers 204 without a body.
    RevokeNoContent,
    /// 429, whatever was used so far.
    Throttled {
        /// The `Retry-After` header in seconds, or none.
        retry_after: Option<u32>,
    },
    /// Another status, before any effect.
    Status {
        /// The HTTP status.
        code: u16,
    },
    /// Another status, whose message quotes the whole request, before any effect.
    StatusQuoting {
        /// The HTTP status.
        code: u16,
    },
    /// A write takes effect, then the answer is an error.
    StatusAfterCommit {
        /// The HTTP status.
        code: u16,
    },

    // Transport; not for the parts of a batch, which have no connection of their own.
    /// The connection closes before the request has had any effect.
    DropBeforeCommit,
    /// A write takes effect, then the connection closes without an answer.
    DropAfterCommit,
    /// No answer, no effect, until the client gives up or the target stops.
    HangBeforeCommit,
    /// A write takes effect, then no answer comes.
    HangAfterCommit,
    /// 502 with an HTML page, as a gateway in front of Graph would send.
    HtmlBadGateway,
}

/// How the target says that a key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateStyle {
    /// 400 `Request_BadRequest` without details.
    BadRequest,
    /// 400 `Request_BadRequest` with `ObjectConflict` in the details.
    BadRequestWithDetails,
    /// 409 `Request_MultipleObjectsWithSameKeyValue` with `ObjectConflict` in the details.
    Conflict,
}
