use serde::{Deserialize, Serialize};

/// What a caller is. The first four belong to a user; the others follow from what the caller is a member of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    ProxyAdmin,
    ProxyAdminViewer,
    InternalUser,
    InternalUserViewer,
    OrgAdmin,
    TeamAdmin,
    /// An end user of the product; never signs in and has no key.
    Customer,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::ProxyAdmin,
        Self::ProxyAdminViewer,
        Self::InternalUser,
        Self::InternalUserViewer,
        Self::OrgAdmin,
        Self::TeamAdmin,
        Self::Customer,
    ];
    /// Those that a user can be given.
    pub const OF_USERS: [Self; 4] =
        [Self::ProxyAdmin, Self::ProxyAdminViewer, Self::InternalUser, Self::InternalUserViewer];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ProxyAdmin => "proxy_admin",
            Self::ProxyAdminViewer => "proxy_admin_viewer",
            Self::InternalUser => "internal_user",
            Self::InternalUserViewer => "internal_user_viewer",
            Self::OrgAdmin => "org_admin",
            Self::TeamAdmin => "team_admin",
            Self::Customer => "customer",
        }
    }

    /// The role of a user by its name.
    pub fn of_user(name: &str) -> Option<Self> {
        Self::OF_USERS.into_iter().find(|role| role.name() == name)
    }
}
