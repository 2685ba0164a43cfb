//! What a truth says about groups can be found out by requests.

use scim_target::{CreateMembers, GroupWrite, RemoveAll, SetForm, UnknownMembers, ValueList};
use serde_json::json;

use crate::harness::GROUP;
use crate::probe::{Probe, patch_answer};
use crate::steps::{join, leave, leave_by_list, set, set_pathless};

impl Probe {
    pub async fn groups(&self) {
        let groups = &self.truth.groups;
        let crew = json!({
            "schemas": [GROUP],
            "displayName": "crew",
            "members": [{ "value": self.user("ana") }],
        });
        let made = self
            .send("POST", "/Groups", Some(crew.clone()))
            .await
            .status
            .as_u16();
        let staff = format!("/Groups/{}", self.staff());
        let changed = self
            .patch(&staff, &json!([{ "op": "remove", "path": "externalId" }]))
            .await;
        let found = match (made, changed.status.as_u16()) {
            (201, _) => GroupWrite::All,
            (403, 403) => GroupWrite::ReadOnly,
            (403, _) => GroupWrite::UpdateOnly,
            (404, 404) => GroupWrite::Absent,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, groups.write);
        let target = &self.fixture.target;
        if let Some(crew) = target.group_by_display_name("crew") {
            let dropped = crew.members.is_empty();
            assert_eq!(dropped, groups.create_members == CreateMembers::Dropped);
        }
        if !matches!(found, GroupWrite::All | GroupWrite::UpdateOnly) {
            return;
        }
        let found = self
            .form(
                [
                    &set("externalId", "x"),
                    &set_pathless(json!({ "externalId": "x" })),
                ],
                &staff,
                &|| {
                    target
                        .group_by_display_name("staff")
                        .unwrap()
                        .external_id
                        .is_some()
                },
            )
            .await;
        assert_eq!(found, groups.set);
        let bo = self.user("bo");
        let pathless = json!([{ "op": "add", "value": { "members": [{ "value": bo }] } }]);
        let found = self
            .form([&join(&bo), &pathless], &staff, &|| {
                self.members().contains(&"bo@x.org".to_owned())
            })
            .await;
        assert_eq!(found, groups.add);
        if matches!(found, SetForm::Both | SetForm::PathOnly) {
            let answer = self.patch(&staff, &join(&bo)).await;
            assert_eq!(patch_answer(&answer), groups.patch_answer);
            self.undo();
            let ghost = self.patch(&staff, &join("ghost")).await.status.as_u16();
            let listed = target.group(&self.staff()).unwrap().members.len() == 2;
            let found = match (ghost, listed) {
                (400, false) => UnknownMembers::Refused,
                (200 | 204, false) => UnknownMembers::Dropped,
                (200 | 204, true) => UnknownMembers::Kept,
                other => panic!("{other:?}"),
            };
            assert_eq!(found, groups.unknown_members);
            target.remove_member(&self.staff(), "ghost").unwrap();
        }
        self.removals(&staff).await;
    }

    async fn removals(&self, staff: &str) {
        let groups = &self.truth.groups;
        let target = &self.fixture.target;
        let (ana, bo) = (self.user("ana"), self.user("bo"));
        let both = || target.add_member(&self.staff(), &bo).unwrap();
        both();
        let status = self.patch(staff, &leave(&ana)).await.status;
        assert_eq!(status.is_success(), groups.remove_by_filter);
        assert_eq!(self.members() == ["bo@x.org"], groups.remove_by_filter);
        self.undo();
        both();
        let status = self
            .patch(staff, &leave_by_list(&ana))
            .await
            .status
            .as_u16();
        let found = match (status, self.members().len()) {
            (200 | 204, 1) => ValueList::Understood,
            (200 | 204, 0) => ValueList::ClearsGroup,
            (400, 2) => ValueList::Refused,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, groups.remove_by_list);
        self.undo();
        let all = json!([{ "op": "remove", "path": "members" }]);
        let status = self.patch(staff, &all).await.status.as_u16();
        let found = match (status, self.members().len()) {
            (200 | 204, 0) => RemoveAll::Clears,
            (400, 1) => RemoveAll::Refused,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, groups.remove_all);
        self.undo();
        let operation = json!([{ "op": "replace", "path": "members", "value": [{ "value": bo }] }]);
        let replaced = self.patch(staff, &operation).await.status.is_success()
            && self.members() == ["bo@x.org"];
        let form = matches!(groups.add, SetForm::Both | SetForm::PathOnly);
        assert_eq!(replaced, groups.replace_members && form);
        self.undo();
        let body = json!({ "schemas": [GROUP], "displayName": "staff", "members": [] });
        let put = self.send("PUT", staff, Some(body)).await.status.as_u16();
        assert_eq!(put, if groups.put { 200 } else { 501 });
        assert_eq!(self.members().is_empty(), groups.put);
    }
}
