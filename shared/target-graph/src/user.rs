//! Users as Graph shows them.

use std::collections::BTreeMap;

use domain::{Account, Pii, Slot};
use ports::target::{LONGEST_ID, LONGEST_VALUE};
use serde_json::Value;

use crate::property::{Place, Plan};
use crate::url::ObjectId;

const ON_PREMISES: &str = "the account is mastered on premises (`onPremisesSyncEnabled`); change \
                           it in the directory that it comes from";

/// A user as an account; `None` where it lacks its id or its user name, or where anything that is
/// taken from it is longer than Graph keeps: to cut it off would be to make up a value.
pub(crate) fn account(plan: &Plan, user: &Value, deleted: bool) -> Option<Account> {
    let text = |name: &str| user.get(name).and_then(Value::as_str);
    let flag = |name: &str| user.get(name).and_then(Value::as_bool);
    let id = ObjectId::parse(text("id")?)?;
    let mut user_name = text("userPrincipalName")?;
    if deleted {
        user_name = original(user_name, &id);
    }
    let key = plan.key_of(user);
    let is_long = |text: &str| text.len() > LONGEST_VALUE;
    if is_long(user_name) || key.as_deref().is_some_and(is_long) {
        return None;
    }
    let mut attrs = BTreeMap::new();
    for (path, place) in plan.places() {
        let (value, longest) = match place {
            Place::UserName => (Some(user_name.to_owned()), LONGEST_VALUE),
            Place::Manager => {
                let manager = user.pointer("/manager/id").and_then(Value::as_str);
                (manager.map(str::to_owned), LONGEST_ID)
            }
            Place::Property(property) => (property.get(user), LONGEST_VALUE),
        };
        let Some(value) = value else {
            continue;
        };
        if value.len() > longest {
            return None;
        }
        attrs.insert(path.clone(), Pii::new(Slot::Text(value.into())));
    }
    Some(Account {
        id: id.account(),
        key: key.map(|key| Pii::new(key.into())),
        user_name: Pii::new(user_name.into()),
        active: flag("accountEnabled").unwrap_or(true),
        attrs,
        created: text("createdDateTime").and_then(|at| at.parse().ok()),
        last_sign_in: None,
        deleted,
        read_only: flag("onPremisesSyncEnabled")
            .unwrap_or(false)
            .then(|| ON_PREMISES.into()),
    })
}

/// The name of a deleted user is free for others: Graph puts the user's id in front of it, and
/// takes it away on restore.
fn original<'n>(user_name: &'n str, id: &ObjectId) -> &'n str {
    let prefix = id.as_str().replace('-', "");
    let rest = user_name.get(prefix.len()..);
    let has = user_name
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(&prefix));
    match rest {
        Some(rest) if has && !rest.is_empty() => rest,
        Some(_) | None => user_name,
    }
}

#[cfg(test)]
mod tests {
    use domain::policy::GraphSettings;
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        let settings = GraphSettings {
            key: "employeeId".into(),
            role_assignable: false,
        };
        let mapped = ["userName", "externalId", "manager", "department"];
        Plan::new(&mapped.map(Into::into), &settings).unwrap()
    }

    #[test]
    fn a_user_is_an_account_with_what_is_mapped() {
        let user = json!({
            "id": "u-1", "userPrincipalName": "ana@contoso.com", "accountEnabled": false,
            "employeeId": "E1", "department": "Ops", "jobTitle": "not mapped",
            "createdDateTime": "2026-01-01T00:00:00Z", "onPremisesSyncEnabled": null,
            "manager": {"id": "u-2"},
        });
        let account = account(&plan(), &user, false).unwrap();
        assert_eq!(account.id.as_str(), "u-1");
        assert_eq!(account.key, Some(Pii::new("E1".into())));
        assert_eq!(&**account.user_name.reveal(), "ana@contoso.com");
        assert!(!account.active && !account.deleted && account.read_only.is_none());
        assert_eq!(
            account.created,
            Some("2026-01-01T00:00:00Z".parse().unwrap())
        );
        let attrs: Vec<_> = account
            .attrs
            .iter()
            .map(|(path, value)| (&**path, value.reveal().text().unwrap().to_owned()))
            .collect();
        assert_eq!(
            attrs,
            [
                ("department", "Ops".to_owned()),
                ("externalId", "E1".to_owned()),
                ("manager", "u-2".to_owned()),
                ("userName", "ana@contoso.com".to_owned()),
            ]
        );
    }

    #[test]
    fn a_deleted_user_has_the_name_that_a_restore_gives_back() {
        let id = "6ea91a8d-e32e-41a1-b7bd-d2d185eed0e0";
        let name = |name: &str| {
            let user = json!({"id": id, "userPrincipalName": name});
            let account = account(&plan(), &user, true).unwrap();
            account.user_name.into_revealed()
        };
        assert_eq!(
            &*name("6EA91a8de32e41a1b7bdd2d185eed0e0ana@contoso.com"),
            "ana@contoso.com"
        );
        assert_eq!(&*name("ana@contoso.com"), "ana@contoso.com");
    }

    #[test]
    fn what_is_too_long_is_no_account_and_is_never_cut_off() {
        let user = |place: &str, length: usize| {
            let mut user = json!({
                "id": "u-1", "userPrincipalName": "ana@contoso.com", "employeeId": "E1",
                "department": "Ops", "manager": {"id": "u-2"},
            });
            *user.pointer_mut(place).unwrap() = "x".repeat(length).into();
            account(&plan(), &user, false)
        };
        for (place, longest) in [
            ("/id", 64),
            ("/manager/id", 1024),
            ("/userPrincipalName", 4096),
            ("/employeeId", 4096),
            ("/department", 4096),
        ] {
            assert!(user(place, longest).is_some(), "{place}");
            assert!(user(place, longest + 1).is_none(), "{place}");
        }
    }

    #[test]
    fn what_is_mastered_on_premises_says_so() {
        let user = json!({"id": "u", "userPrincipalName": "a@b", "onPremisesSyncEnabled": true});
        let account = account(&plan(), &user, false).unwrap();
        assert!(account.read_only.unwrap().contains("on premises"));
    }
}
