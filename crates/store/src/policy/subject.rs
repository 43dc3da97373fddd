use domain::AccountKind;
use kit::KeyHash;

/// What a change of policy is about. Kinds are named as in `budget_windows` and `running_totals`; a gateway passes
/// over kinds that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    Key(KeyHash),
    User(&'a str),
    Team(&'a str),
    Member {
        team: &'a str,
        user: &'a str,
    },
    Organization(&'a str),
    OrganizationMember {
        organization: &'a str,
        user: &'a str,
    },
    Customer(&'a str),
    /// By name.
    Tag(&'a str),
    Project(&'a str),
    /// A budget that owners share: one change, however many they are.
    Budget(&'a str),
    /// A budget of a key, user or team for one model.
    OfModel {
        kind: AccountKind,
        owner: &'a str,
        model: &'a str,
    },
    /// By its hash.
    OldSecret(&'a str),
    AccessGroup(&'a str),
    /// An address or a range.
    AllowedIp(&'a str),
    Model(&'a str),
    Credential(&'a str),
    Setting(&'a str),
}

impl Subject<'_> {
    /// `kind`, `within` and `id` of its row.
    pub(crate) fn row(self) -> (&'static str, String, String) {
        let own = |kind, id: &str| (kind, String::new(), id.to_owned());
        match self {
            Self::Key(hash) => ("key", String::new(), hash.to_hex()),
            Self::User(id) => own("user", id),
            Self::Team(id) => own("team", id),
            Self::Member { team, user } => ("member", team.to_owned(), user.to_owned()),
            Self::Organization(id) => own("organization", id),
            Self::OrganizationMember { organization, user } => {
                ("organization_member", organization.to_owned(), user.to_owned())
            }
            Self::Customer(id) => own("customer", id),
            Self::Tag(name) => own("tag", name),
            Self::Project(id) => own("project", id),
            Self::Budget(id) => own("budget", id),
            Self::OfModel { kind, owner, model } => (kind.as_str(), owner.to_owned(), model.to_owned()),
            Self::OldSecret(hash) => own("old_secret", hash),
            Self::AccessGroup(id) => own("access_group", id),
            Self::AllowedIp(network) => own("allowed_ip", network),
            Self::Model(id) => own("model", id),
            Self::Credential(id) => own("credential", id),
            Self::Setting(id) => own("setting", id),
        }
    }
}

impl From<KeyHash> for Subject<'static> {
    fn from(hash: KeyHash) -> Self {
        Self::Key(hash)
    }
}
