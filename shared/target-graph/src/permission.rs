//! What the application may do, and which permission that takes.

/// Something that is attempted at Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Listing and finding users.
    ReadUsers,
    /// Making a user.
    CreateUser,
    /// Changing ordinary properties, the user name among them.
    UpdateUser,
    /// Setting or clearing a manager.
    SetManager,
    /// Blocking or allowing sign-in.
    SetEnabled,
    /// Ending sessions.
    RevokeSessions,
    /// Deleting a user.
    DeleteUser,
    /// Bringing a deleted user back.
    RestoreUser,
    /// Changing `employeeLeaveDateTime`.
    SetLeaveDate,
    /// Finding groups and listing their members.
    ReadGroups,
    /// Listing the groups that an account is in itself.
    ReadMemberships,
    /// Putting members into groups and taking them out.
    WriteMembers,
    /// The same for groups that roles can be assigned to.
    WriteRoleMembers,
    /// Assigning licences and taking them away.
    AssignLicence,
    /// Uploading to the inbound provisioning API.
    Upload,
}

impl Action {
    /// Every one.
    pub const ALL: [Self; 15] = [
        Self::ReadUsers,
        Self::CreateUser,
        Self::UpdateUser,
        Self::SetManager,
        Self::SetEnabled,
        Self::RevokeSessions,
        Self::DeleteUser,
        Self::RestoreUser,
        Self::SetLeaveDate,
        Self::ReadGroups,
        Self::ReadMemberships,
        Self::WriteMembers,
        Self::WriteRoleMembers,
        Self::AssignLicence,
        Self::Upload,
    ];

    /// What is attempted, for an operator.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadUsers => "read of users",
            Self::CreateUser => "create of a user",
            Self::UpdateUser => "update of a user",
            Self::SetManager => "change of a manager",
            Self::SetEnabled => "change of a sign-in block",
            Self::RevokeSessions => "end of sessions",
            Self::DeleteUser => "delete of a user",
            Self::RestoreUser => "restore of a user",
            Self::SetLeaveDate => "change of a leave date",
            Self::ReadGroups => "read of groups",
            Self::ReadMemberships => "read of memberships",
            Self::WriteMembers | Self::WriteRoleMembers => "change of a membership",
            Self::AssignLicence => "change of licences",
            Self::Upload => "upload of records",
        }
    }

    /// Whether a refusal may be about the one account: some properties of administrators are
    /// closed to applications without a directory role.
    pub(crate) const fn is_guarded(self) -> bool {
        match self {
            Self::UpdateUser
            | Self::SetEnabled
            | Self::RevokeSessions
            | Self::DeleteUser
            | Self::RestoreUser
            | Self::SetManager
            | Self::SetLeaveDate => true,
            Self::ReadUsers
            | Self::CreateUser
            | Self::ReadGroups
            | Self::ReadMemberships
            | Self::WriteMembers
            | Self::WriteRoleMembers
            | Self::AssignLicence
            | Self::Upload => false,
        }
    }
}

/// The application permissions that an action takes, the least that suffice.
pub const fn permission_for(action: Action) -> &'static str {
    match action {
        Action::ReadUsers => "User.Read.All",
        Action::CreateUser => "User.Create, or User.ReadWrite.All",
        Action::UpdateUser | Action::SetManager => "User.ReadWrite.All",
        Action::SetEnabled => "User.EnableDisableAccount.All with User.Read.All",
        Action::RevokeSessions => "User.RevokeSessions.All",
        Action::DeleteUser | Action::RestoreUser => "User.DeleteRestore.All",
        Action::SetLeaveDate => "User-LifeCycleInfo.ReadWrite.All with User.Read.All",
        Action::ReadGroups => "GroupMember.Read.All",
        Action::ReadMemberships => "Directory.Read.All",
        Action::WriteMembers => "GroupMember.ReadWrite.All",
        Action::WriteRoleMembers => {
            "RoleManagement.ReadWrite.Directory with GroupMember.ReadWrite.All"
        }
        Action::AssignLicence => "LicenseAssignment.ReadWrite.All",
        Action::Upload => "SynchronizationData-User.Upload",
    }
}
