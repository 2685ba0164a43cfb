//! Application permissions: who may do what.

use std::collections::BTreeSet;

use crate::error::{GraphError, Refusal};
use crate::route::Action;

/// The least-privilege permissions for everything that the target offers, but role-assignable groups.
pub(crate) const LEAST: &[&str] = &[
    "Directory.Read.All",
    "GroupMember.ReadWrite.All",
    "LicenseAssignment.ReadWrite.All",
    "SynchronizationData-User.Upload",
    "User-LifeCycleInfo.ReadWrite.All",
    "User-PasswordProfile.ReadWrite.All",
    "User.Create",
    "User.DeleteRestore.All",
    "User.EnableDisableAccount.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "User.RevokeSessions.All",
];

const READ_USERS: &[&str] = &[
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const READ_DIRECTORY: &[&str] = &["Directory.Read.All", "Directory.ReadWrite.All"];
const CREATE_USER: &[&str] = &[
    "User.Create",
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
];
const WRITE_USERS: &[&str] = &["User.ReadWrite.All", "Directory.ReadWrite.All"];
const ENABLE: &[&str] = &["User.EnableDisableAccount.All"];
const PASSWORD: &[&str] = &["User-PasswordProfile.ReadWrite.All"];
const READ_LEAVE: &[&str] = &[
    "User-LifeCycleInfo.Read.All",
    "User-LifeCycleInfo.ReadWrite.All",
];
const WRITE_LEAVE: &[&str] = &["User-LifeCycleInfo.ReadWrite.All"];
const REVOKE: &[&str] = &[
    "User.RevokeSessions.All",
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
];
const DELETE: &[&str] = &["User.DeleteRestore.All", "User.ReadWrite.All"];
const READ_GROUPS: &[&str] = &[
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const WRITE_MEMBERS: &[&str] = &[
    "GroupMember.ReadWrite.All",
    "Group.ReadWrite.All",
    "Directory.ReadWrite.All",
];
const ROLES: &[&str] = &["RoleManagement.ReadWrite.Directory"];
const LICENSE: &[&str] = &["LicenseAssignment.ReadWrite.All"];
const READ_LICENSES: &[&str] = &[
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
const UPLOAD: &[&str] = &["SynchronizationData-User.Upload"];

/// The permissions of a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a>(pub(crate) &'a BTreeSet<String>);

impl Access<'_> {
    fn any(self, names: &[&str]) -> Result<(), GraphError> {
        if names.iter().any(|name| self.0.contains(*name)) {
            Ok(())
        } else {
            Err(GraphError::denied(
                Refusal::MissingPermission,
                "Insufficient privileges to complete the operation.",
            ))
        }
    }

    /// What the kind of the request asks for. What its content asks for comes on top.
    pub(crate) fn check(self, action: Action) -> Result<(), GraphError> {
        match action {
            Action::ListUsers
            | Action::GetUser
            | Action::UsersDelta
            | Action::GetManager
            | Action::ListDeleted
            | Action::GetDeleted => self.any(READ_USERS),
            Action::MemberOf => self.any(READ_DIRECTORY),
            Action::CheckMemberGroups => {
                self.any(READ_USERS)?;
                self.any(READ_GROUPS)
            }
            Action::CreateUser => self.any(CREATE_USER),
            Action::PutManager | Action::DeleteManager => self.any(WRITE_USERS),
            Action::DeleteUser | Action::Restore | Action::Purge => self.any(DELETE),
            Action::Revoke => self.any(REVOKE),
            Action::AssignLicense => self.any(LICENSE),
            Action::LicenseDetails | Action::Skus => self.any(READ_LICENSES),
            Action::ListGroups | Action::GetGroup | Action::ListMembers | Action::GroupsDelta => {
                self.any(READ_GROUPS)
            }
            Action::AddMember
            | Action::BindMembers
            | Action::RemoveMember
            | Action::DeleteMemberObject => self.any(WRITE_MEMBERS),
            Action::BulkUpload => self.any(UPLOAD),
            // A change of a user is judged by its properties.
            Action::PatchUser | Action::Batch | Action::NotAllowed | Action::Unknown => Ok(()),
        }
    }

    /// What a change of these properties asks for.
    pub(crate) fn change<'k>(self, keys: impl Iterator<Item = &'k str>) -> Result<(), GraphError> {
        for key in keys {
            match key {
                "accountEnabled" => {
                    self.any(ENABLE)?;
                    self.any(READ_USERS)?;
                }
                "passwordProfile" => self.any(PASSWORD)?,
                "employeeLeaveDateTime" => {
                    self.any(WRITE_LEAVE)?;
                    self.any(READ_USERS)?;
                }
                _ => self.any(WRITE_USERS)?,
            }
        }
        Ok(())
    }

    /// What setting a manager along with a create asks for.
    pub(crate) fn set_manager(self) -> Result<(), GraphError> {
        self.any(WRITE_USERS)
    }

    /// What reading `employeeLeaveDateTime` asks for.
    pub(crate) fn read_leave(self) -> Result<(), GraphError> {
        self.any(READ_LEAVE)
    }

    /// What setting `employeeLeaveDateTime` at creation asks for.
    pub(crate) fn write_leave(self) -> Result<(), GraphError> {
        self.any(WRITE_LEAVE)
    }

    /// What the members of a role-assignable group ask for on top.
    pub(crate) fn roles(self) -> Result<(), GraphError> {
        self.any(ROLES)
    }
}
