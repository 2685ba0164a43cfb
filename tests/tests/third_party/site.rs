//! A company whose only target is a server of somebody else, probed before anybody joins.

use std::collections::BTreeMap;

use domain::{Profile, TargetId};
use serde_json::{Value, json};
use tests::found::{probed, settings, shown};
use tests::third_party::{Running, ThirdParty, Variant};
use tests::world::{Address, Raw, World, policy_text};

/// A company whose only target is a server of somebody else.
pub(super) struct Site {
    pub(super) world: World,
    /// The dialect that it is spoken to in.
    pub(super) profile: Profile,
    pub(super) scim: Raw,
    _server: Running,
}

impl Site {
    /// A server with the groups of the policy and nobody in them.
    pub(super) async fn open(server: ThirdParty) -> Self {
        Self::with_policy(server, &policy_text()).await
    }

    /// With another policy, in the dialect that a probe of this very server finds. Nothing of the
    /// probe is left.
    pub(super) async fn with_policy(server: ThirdParty, policy: &str) -> Self {
        Self::departing(server, policy, |_| ()).await
    }

    /// In the dialect that a probe finds, but for what an operator knows better.
    pub(super) async fn departing(
        server: ThirdParty,
        policy: &str,
        departs: impl FnOnce(&mut Profile),
    ) -> Self {
        let (server, address, scim) = Self::start(server).await;
        let before = (scim.users().await, scim.groups().await);
        let mut report = probed(&address, &settings()).await;
        assert_eq!(report.left, [], "{}", shown(&report));
        assert_eq!((scim.users().await, scim.groups().await), before);
        departs(&mut report.profile);
        let addresses = BTreeMap::from([(TargetId::from("dir"), address)]);
        Self {
            world: World::with_profile(policy, addresses, report.profile.clone()).await,
            profile: report.profile,
            scim,
            _server: server,
        }
    }

    /// Where nobody probed, and policy says `rfc`.
    pub(super) async fn unprobed(server: ThirdParty, policy: &str) -> Self {
        let (server, address, scim) = Self::start(server).await;
        let addresses = BTreeMap::from([(TargetId::from("dir"), address)]);
        Self {
            world: World::new(policy, addresses).await,
            profile: Profile::rfc(),
            scim,
            _server: server,
        }
    }

    async fn start(kind: ThirdParty) -> (Running, Address, Raw) {
        let server = kind.start().await.unwrap_or_else(|e| panic!("{e}"));
        let address = Address::new(server.base_url(), server.token());
        let scim = Raw::new(address.clone());
        for group in ["staff", "contractors", "payables", "approvers"] {
            scim.add_group(group).await;
        }
        // Who writes groups back whole has to know that those are empty, and that this server
        // shows members at all. What shows it is a group that nobody else uses; after a DELETE
        // it still lists the id.
        if kind == ThirdParty::Scim2ServerWith(Variant::NoPatch) {
            scim.add_group("founders").await;
            let founder = json!({ "userName": "founder", "active": true });
            let founder = scim.add_user(founder).await;
            scim.add_member("founders", &founder).await;
            scim.delete_user(&founder).await;
        }
        (server, address, scim)
    }

    /// The account that carries the key of a worker's identity.
    pub(super) async fn account(&self, worker: &str) -> Value {
        let key = self.world.identity(worker);
        let account = self.scim.user_by_key(key.as_str()).await;
        account.unwrap_or_else(|| panic!("{worker} has no account"))
    }

    pub(super) async fn has_account(&self, worker: &str) -> bool {
        let key = self.world.identity(worker);
        self.scim.user_by_key(key.as_str()).await.is_some()
    }

    pub(super) async fn id(&self, worker: &str) -> String {
        let account = self.account(worker).await;
        account["id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn active(&self, worker: &str) -> bool {
        let account = self.account(worker).await;
        account["active"].as_bool().expect("a truth value")
    }

    pub(super) async fn groups(&self, worker: &str) -> Vec<String> {
        let id = self.id(worker).await;
        self.scim.groups_of(&id).await
    }

    /// Everything that the server holds, with versions and times of the last change, so that a
    /// write that changes nothing shows too.
    pub(super) async fn everything(&self) -> (Vec<Value>, Vec<Value>) {
        (self.scim.users().await, self.scim.groups().await)
    }

    pub(super) async fn parked(&self, worker: &str) -> Option<String> {
        let seat = self.world.seat(worker).await.expect("an item");
        let account = seat.accounts.get(&TargetId::from("dir"))?;
        account.parked.as_deref().map(str::to_owned)
    }
}
