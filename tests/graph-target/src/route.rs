//! From method and path to what is asked for.

use percent_encoding::percent_decode_str;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    ListUsers,
    CreateUser,
    GetUser,
    PatchUser,
    DeleteUser,
    UsersDelta,
    GetManager,
    PutManager,
    DeleteManager,
    Revoke,
    AssignLicense,
    LicenseDetails,
    MemberOf,
    CheckMemberGroups,
    ListDeleted,
    GetDeleted,
    Purge,
    Restore,
    ListGroups,
    GetGroup,
    BindMembers,
    GroupsDelta,
    ListMembers,
    AddMember,
    RemoveMember,
    /// Without `/$ref`: at Graph it goes for the member itself.
    DeleteMemberObject,
    Skus,
    BulkUpload,
    Batch,
    /// The path is there, the method is not.
    NotAllowed,
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) action: Action,
    pub(crate) template: &'static str,
    pub(crate) id: String,
    /// The member, the job, or whether groups only are asked for.
    pub(crate) second: String,
}

fn route_of(action: Action, template: &'static str, id: &str, second: &str) -> Route {
    Route {
        action,
        template,
        id: id.to_owned(),
        second: second.to_owned(),
    }
}

/// Functions and casts have several spellings: `delta()`, `microsoft.graph.delta`, `graph.user`.
fn plain(segment: &str) -> &str {
    let segment = segment.strip_suffix("()").unwrap_or(segment);
    segment
        .strip_prefix("microsoft.graph.")
        .or_else(|| segment.strip_prefix("graph."))
        .unwrap_or(segment)
}

pub(crate) fn route(method: &str, path: &str) -> Route {
    let decoded: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = decoded.iter().map(|part| plain(part)).collect();
    let found = match segments.as_slice() {
        ["users", rest @ ..] => users(method, rest),
        ["groups", rest @ ..] => groups(method, rest),
        ["directory", "deletedItems", rest @ ..] => deleted(method, rest),
        ["subscribedSkus"] => Some(pick(
            method,
            &[("GET", Action::Skus)],
            "/subscribedSkus",
            "",
            "",
        )),
        [
            "servicePrincipals",
            principal,
            "synchronization",
            "jobs",
            job,
            "bulkUpload",
        ] => Some(pick(
            method,
            &[("POST", Action::BulkUpload)],
            "/servicePrincipals/{id}/synchronization/jobs/{id}/bulkUpload",
            principal,
            job,
        )),
        ["$batch"] => Some(pick(method, &[("POST", Action::Batch)], "/$batch", "", "")),
        _ => None,
    };
    found.unwrap_or_else(|| route_of(Action::Unknown, "other", "", ""))
}

fn pick(
    method: &str,
    actions: &[(&str, Action)],
    template: &'static str,
    id: &str,
    second: &str,
) -> Route {
    let action = actions
        .iter()
        .find(|(verb, _)| *verb == method)
        .map_or(Action::NotAllowed, |(_, action)| *action);
    route_of(action, template, id, second)
}

fn users(method: &str, rest: &[&str]) -> Option<Route> {
    Some(match rest {
        [] => pick(
            method,
            &[("GET", Action::ListUsers), ("POST", Action::CreateUser)],
            "/users",
            "",
            "",
        ),
        ["delta"] => pick(
            method,
            &[("GET", Action::UsersDelta)],
            "/users/delta",
            "",
            "",
        ),
        [id] => pick(
            method,
            &[
                ("GET", Action::GetUser),
                ("PATCH", Action::PatchUser),
                ("DELETE", Action::DeleteUser),
            ],
            "/users/{id}",
            id,
            "",
        ),
        [id, "manager"] => pick(
            method,
            &[("GET", Action::GetManager)],
            "/users/{id}/manager",
            id,
            "",
        ),
        [id, "manager", "$ref"] => pick(
            method,
            &[
                ("PUT", Action::PutManager),
                ("DELETE", Action::DeleteManager),
            ],
            "/users/{id}/manager/$ref",
            id,
            "",
        ),
        [id, "memberOf"] => pick(
            method,
            &[("GET", Action::MemberOf)],
            "/users/{id}/memberOf",
            id,
            "",
        ),
        [id, "memberOf", "group"] => pick(
            method,
            &[("GET", Action::MemberOf)],
            "/users/{id}/memberOf/microsoft.graph.group",
            id,
            "group",
        ),
        [id, "licenseDetails"] => pick(
            method,
            &[("GET", Action::LicenseDetails)],
            "/users/{id}/licenseDetails",
            id,
            "",
        ),
        [id, "revokeSignInSessions"] => pick(
            method,
            &[("POST", Action::Revoke)],
            "/users/{id}/revokeSignInSessions",
            id,
            "",
        ),
        [id, "assignLicense"] => pick(
            method,
            &[("POST", Action::AssignLicense)],
            "/users/{id}/assignLicense",
            id,
            "",
        ),
        [id, "checkMemberGroups"] => pick(
            method,
            &[("POST", Action::CheckMemberGroups)],
            "/users/{id}/checkMemberGroups",
            id,
            "",
        ),
        _ => return None,
    })
}

fn groups(method: &str, rest: &[&str]) -> Option<Route> {
    Some(match rest {
        [] => pick(method, &[("GET", Action::ListGroups)], "/groups", "", ""),
        ["delta"] => pick(
            method,
            &[("GET", Action::GroupsDelta)],
            "/groups/delta",
            "",
            "",
        ),
        [id] => pick(
            method,
            &[("GET", Action::GetGroup), ("PATCH", Action::BindMembers)],
            "/groups/{id}",
            id,
            "",
        ),
        [id, "members"] => pick(
            method,
            &[("GET", Action::ListMembers)],
            "/groups/{id}/members",
            id,
            "",
        ),
        [id, "members", "$ref"] => pick(
            method,
            &[("POST", Action::AddMember)],
            "/groups/{id}/members/$ref",
            id,
            "",
        ),
        [id, "members", member, "$ref"] => pick(
            method,
            &[("DELETE", Action::RemoveMember)],
            "/groups/{id}/members/{id}/$ref",
            id,
            member,
        ),
        [id, "members", member] => pick(
            method,
            &[("DELETE", Action::DeleteMemberObject)],
            "/groups/{id}/members/{id}",
            id,
            member,
        ),
        _ => return None,
    })
}

fn deleted(method: &str, rest: &[&str]) -> Option<Route> {
    Some(match rest {
        ["user"] => pick(
            method,
            &[("GET", Action::ListDeleted)],
            "/directory/deletedItems/microsoft.graph.user",
            "",
            "",
        ),
        [id] => pick(
            method,
            &[("GET", Action::GetDeleted), ("DELETE", Action::Purge)],
            "/directory/deletedItems/{id}",
            id,
            "",
        ),
        [id, "restore"] => pick(
            method,
            &[("POST", Action::Restore)],
            "/directory/deletedItems/{id}/restore",
            id,
            "",
        ),
        _ => return None,
    })
}

impl Action {
    /// Whether it may change something.
    pub(crate) fn writes(self) -> bool {
        match self {
            Action::CreateUser
            | Action::PatchUser
            | Action::DeleteUser
            | Action::PutManager
            | Action::DeleteManager
            | Action::Revoke
            | Action::AssignLicense
            | Action::Purge
            | Action::Restore
            | Action::BindMembers
            | Action::AddMember
            | Action::RemoveMember
            | Action::DeleteMemberObject
            | Action::BulkUpload => true,
            Action::ListUsers
            | Action::GetUser
            | Action::UsersDelta
            | Action::GetManager
            | Action::LicenseDetails
            | Action::MemberOf
            | Action::CheckMemberGroups
            | Action::ListDeleted
            | Action::GetDeleted
            | Action::ListGroups
            | Action::GetGroup
            | Action::GroupsDelta
            | Action::ListMembers
            | Action::Skus
            | Action::Batch
            | Action::NotAllowed
            | Action::Unknown => false,
        }
    }
}
