//! A truth can be found out by requests: of every dialect, and of behaviours that no dialect has.

use scim_target::{
    ConfigPath, Conflict, Deletion, Dialect, FilterForms, GroupWrite, MembersShown, Narrowing,
    OddFilter, Paging, PatchAnswer, Put, PutWithoutActive, SetForm, Truth, UnknownMembers,
    UnknownNames,
};
use serde_json::{Value, json};

use crate::harness::{Answer, USER};
use crate::probe::{Probe, patch_answer};
use crate::steps::{plus, set, set_pathless};

impl Probe {
    async fn discovery(&self) {
        let single = self.get("/ServiceProviderConfig").await.status;
        let plural = self.get("/ServiceProviderConfigs").await.status;
        let found = match (single.as_u16(), plural.as_u16()) {
            (200, 404) => ConfigPath::Singular,
            (404, 200) => ConfigPath::Plural,
            (404, 404) => ConfigPath::Absent,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, self.truth.discovery.config);
        let schemas = self.get("/Schemas").await.status.is_success();
        assert_eq!(schemas, self.truth.discovery.schemas);
    }

    async fn reads(&self) {
        let ana = format!("/Users/{}", self.user("ana"));
        let read = self.get(&ana).await.is(200);
        assert_eq!(read.json["meta"].get("version").is_some(), self.truth.etags);
        assert_eq!(!read.header("etag").is_empty(), self.truth.etags);
        assert_eq!(
            read.json.get("groups").is_some(),
            self.truth.users.groups_shown
        );
        let narrowed = self.get(&format!("{ana}?attributes=title")).await;
        let found = match (narrowed.status.as_u16(), narrowed.json.get("userName")) {
            (200, None) => Narrowing::Honoured,
            (200, Some(_)) => Narrowing::Ignored,
            (400, _) => Narrowing::Refused,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, self.truth.narrowing);
        if self.truth.groups.write != GroupWrite::Absent {
            let members = |group: &Value| {
                group["members"]
                    .as_array()
                    .is_some_and(|list| !list.is_empty())
            };
            let single = members(&self.get(&format!("/Groups/{}", self.staff())).await.json);
            let listed = members(&self.get("/Groups").await.json["Resources"][0]);
            let found = match (single, listed) {
                (true, true) => MembersShown::Everywhere,
                (true, false) => MembersShown::NotInLists,
                (false, _) => MembersShown::Never,
            };
            assert_eq!(found, self.truth.groups.members_shown);
        }
        let cy = self
            .get(&format!("/Users/{}", self.user("cy")))
            .await
            .status;
        assert_eq!(cy == 404, self.truth.users.inactive_hidden);
        let everyone = self.get("/Users?count=9").await.names().len();
        assert_eq!(everyone == 2, self.truth.users.inactive_hidden);
    }

    async fn pages(&self) {
        let second = self.get("/Users?startIndex=2&count=1").await.names();
        let by_index = second.len() == 1 && second[0] == "bo@x.org";
        let first = self.get("/Users?count=1&cursor").await;
        let by_cursor = first.json.get("nextCursor").is_some();
        let always = self.get("/Users?count=1").await;
        let found = match (by_index, by_cursor, always.json.get("nextCursor").is_some()) {
            (true, true, false) => Paging::Both,
            (true, false, false) => Paging::IndexOnly,
            (false, true, true) => Paging::CursorOnly,
            (false, true, false) => Paging::CursorOrOnePage,
            (false, false, false) => Paging::OneList,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, self.truth.paging.method);
    }

    async fn filters(&self) {
        let truth = &self.truth.filters;
        let staff = self.staff();
        let (ana, bo) = (self.user("ana"), self.user("bo"));
        let users = [
            ("userName", "bo@x.org"),
            ("externalId", "e-bo"),
            ("id", &bo),
            ("emails.value", "nobody"),
            ("groups.value", &staff),
        ];
        let groups = [
            ("displayName", "staff"),
            ("externalId", "nothing"),
            ("id", &staff),
            ("members.value", &ana),
        ];
        let asked = users
            .iter()
            .map(|test| ("/Users", truth.users, test))
            .chain(groups.iter().map(|test| ("/Groups", truth.groups, test)));
        for (path, forms, (name, value)) in asked {
            if path == "/Groups" && self.truth.groups.write == GroupWrite::Absent {
                continue;
            }
            let answer = self.filter(path, &format!("{name} eq \"{value}\"")).await;
            let expected = match forms {
                FilterForms::All => true,
                FilterForms::Equality(forms) => forms.contains(&[*name].as_slice()),
            };
            match (expected, truth.unsupported) {
                (true, _) => assert!(answer.is(200).names().len() <= 1, "{path} {name}"),
                (false, OddFilter::Refused) => drop(answer.refuses_like(400, "invalidFilter")),
                (false, OddFilter::Ignored) => {
                    let all = self.get(path).await.names();
                    assert_eq!(answer.is(200).names(), all, "{path} {name}");
                }
            }
        }
        let both = self
            .filter(
                "/Users",
                "userName eq \"bo@x.org\" and externalId eq \"e-bo\"",
            )
            .await;
        let found = both.status == 200 && both.names().len() == 1;
        let forms_known = match truth.users {
            FilterForms::All => true,
            FilterForms::Equality(forms) => forms.contains(&["externalId"].as_slice()),
        };
        assert_eq!(found, forms_known && truth.and);
    }

    async fn user_patches(&self) {
        let users = &self.truth.users;
        let ana = format!("/Users/{}", self.user("ana"));
        let found = self
            .form(
                [&set("title", "U"), &set_pathless(json!({ "title": "U" }))],
                &ana,
                &|| self.stored("ana", "title") == "U",
            )
            .await;
        assert_eq!(found, users.set);
        let found = self
            .form(
                [
                    &set("active", false),
                    &set_pathless(json!({ "active": false })),
                ],
                &ana,
                &|| self.stored("ana", "active") == false,
            )
            .await;
        assert_eq!(found, users.active);
        let operations = match users.set {
            SetForm::PathlessOnly => set_pathless(json!({ "title": "U" })),
            SetForm::Neither => return,
            SetForm::Both | SetForm::PathOnly | SetForm::Ignored => set("title", "U"),
        };
        let answer = self.patch(&ana, &operations).await;
        assert_eq!(patch_answer(&answer), users.patch_answer);
        self.undo();
        let text = match users.active {
            SetForm::Both | SetForm::PathOnly => set("active", "False"),
            SetForm::PathlessOnly => set_pathless(json!({ "active": "False" })),
            SetForm::Neither | SetForm::Ignored => return,
        };
        let read = self.patch(&ana, &text).await.status.is_success();
        assert_eq!(read, self.truth.door.text_booleans);
        self.undo();
        let cy = format!("/Users/{}", self.user("cy"));
        let edit = match users.set {
            SetForm::PathlessOnly => set_pathless(json!({ "title": "U" })),
            SetForm::Both | SetForm::PathOnly | SetForm::Neither | SetForm::Ignored => {
                set("title", "U")
            }
        };
        if !users.inactive_hidden {
            self.patch(&cy, &edit).await;
            let edited = self.stored("cy", "title") == "U";
            assert_eq!(
                edited,
                users.inactive_edits && users.set != SetForm::Ignored
            );
        }
        let back = match users.active {
            SetForm::PathlessOnly => set_pathless(json!({ "active": true })),
            SetForm::Both | SetForm::PathOnly | SetForm::Neither | SetForm::Ignored => {
                set("active", true)
            }
        };
        let status = self.patch(&cy, &back).await.status;
        assert_eq!(status.is_success(), users.reactivation);
        assert_eq!(self.stored("cy", "active") == true, users.reactivation);
    }

    async fn puts(&self) {
        let users = &self.truth.users;
        let bo = format!("/Users/{}", self.user("bo"));
        let answer = self.send("PUT", &bo, Some(self.person("bo"))).await;
        let title = self.stored("bo", "title");
        let found = match (answer.status.as_u16(), title.is_null()) {
            (200, true) => Put::Clears,
            (200, false) => Put::Keeps,
            (501, false) => Put::Unsupported,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, users.put);
        if found == Put::Unsupported {
            return;
        }
        let mut stays = Vec::new();
        for active in [true, false] {
            let target = &self.fixture.target;
            target
                .update_user(&self.user("bo"), json!({ "active": active }))
                .unwrap();
            self.send("PUT", &bo, Some(self.person("bo"))).await;
            stays.push(self.stored("bo", "active") == true);
        }
        // Where PUT cannot reach or activate the inactive, only the first answer counts.
        let unreachable = users.inactive_hidden || !users.reactivation;
        let found = match (stays[0], stays[1]) {
            (true, true) => PutWithoutActive::Activates,
            (true, false) if unreachable => users.put_without_active,
            (true, false) => PutWithoutActive::Keeps,
            (false, _) => PutWithoutActive::Suspends,
        };
        assert_eq!(found, users.put_without_active);
    }

    async fn creates(&self) {
        let users = &self.truth.users;
        let taken = self.send("POST", "/Users", Some(self.person("ana"))).await;
        let found = match (taken.status.as_u16(), taken.json["scimType"].as_str()) {
            (409, Some("uniqueness")) => Conflict::Uniqueness,
            (409, None) => Conflict::Plain,
            (400, Some("invalidValue")) => Conflict::BadRequest,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, users.conflict);
        let odd = plus(self.person("odd"), json!({ "shoeSize": 44 }));
        let odd = self.send("POST", "/Users", Some(odd)).await;
        let found = match odd.status.as_u16() {
            201 => UnknownNames::Dropped,
            400 => UnknownNames::Refused,
            other => panic!("{other}"),
        };
        assert_eq!(found, self.truth.door.unknown);
        let bare = json!({ "schemas": [USER], "userName": "bare@x.org" });
        let bare = self
            .send("POST", "/Users", Some(bare))
            .await
            .status
            .as_u16();
        let free = users.required.is_empty() && users.exactly_one.is_none();
        assert_eq!(bare, if free { 201 } else { users.required_status });
        let again = plus(self.person("again"), json!({ "externalId": "e-bo" }));
        let again = self.send("POST", "/Users", Some(again)).await.status;
        assert_eq!(again.is_success(), !users.external_id_unique);
    }

    async fn deletes(&self) {
        let ana = self.user("ana");
        let path = format!("/Users/{ana}");
        self.send("DELETE", &path, None).await.is(204);
        let found = match (
            self.fixture.target.user(&ana),
            self.fixture.target.suspended(),
        ) {
            (Some(user), _) if !user.active => Deletion::Deactivates,
            (None, suspended) if suspended.is_empty() => Deletion::Removes,
            (None, _) => Deletion::Suspends,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, self.truth.users.delete);
        let gone = found != Deletion::Deactivates || self.truth.users.inactive_hidden;
        assert_eq!(self.get(&path).await.status == 404, gone);
    }
}

impl Answer {
    /// Also where `schemas` or `status` of the error have another shape.
    #[track_caller]
    fn refuses_like(self, status: u16, scim_type: &str) -> Self {
        assert_eq!(self.json["scimType"], scim_type, "{}", self.text);
        self.is(status)
    }
}

async fn check(truth: &Truth) {
    let reader = Probe::of(truth).await;
    reader.discovery().await;
    reader.reads().await;
    reader.pages().await;
    reader.filters().await;
    // The others change things, so each has a target of its own.
    Probe::of(truth).await.user_patches().await;
    Probe::of(truth).await.puts().await;
    Probe::of(truth).await.creates().await;
    Probe::of(truth).await.groups().await;
    Probe::of(truth).await.deletes().await;
}

#[tokio::test]
async fn every_dialect_is_what_its_truth_says() {
    for dialect in Dialect::ALL {
        println!("{dialect}");
        check(&dialect.truth()).await;
    }
}

type Change = (&'static str, fn(&mut Truth));

#[tokio::test]
async fn behaviours_that_no_dialect_has_can_be_found_out_too() {
    let changes: [Change; 19] = [
        ("active is ignored", |t| t.users.active = SetForm::Ignored),
        ("attributes are ignored", |t| t.users.set = SetForm::Ignored),
        ("no PATCH of users", |t| {
            (t.users.set, t.users.active) = (SetForm::Neither, SetForm::Neither);
        }),
        ("no PATCH of attributes", |t| t.users.set = SetForm::Neither),
        ("mixed forms", |t| {
            (t.users.set, t.users.active) = (SetForm::PathOnly, SetForm::PathlessOnly);
        }),
        ("PUT keeps", |t| t.users.put = Put::Keeps),
        ("PUT leaves active", |t| {
            t.users.put_without_active = PutWithoutActive::Keeps;
        }),
        ("conflicts are bad requests", |t| {
            t.users.conflict = Conflict::BadRequest;
        }),
        ("no edits of inactive users", |t| {
            t.users.inactive_edits = false;
        }),
        ("no way back", |t| t.users.reactivation = false),
        ("empty answers", |t| {
            (t.users.patch_answer, t.groups.patch_answer) = (PatchAnswer::Empty, PatchAnswer::Full);
        }),
        ("groups are read only", |t| {
            t.groups.write = GroupWrite::ReadOnly;
        }),
        ("no groups", |t| t.groups.write = GroupWrite::Absent),
        ("members are not listed", |t| {
            t.groups.members_shown = MembersShown::NotInLists;
        }),
        ("members without path", |t| {
            t.groups.add = SetForm::PathlessOnly;
        }),
        ("members are ignored", |t| t.groups.add = SetForm::Ignored),
        ("unknown members stay", |t| {
            t.groups.unknown_members = UnknownMembers::Kept;
        }),
        ("cursors only", |t| t.paging.method = Paging::CursorOnly),
        ("no filters", |t| {
            (t.filters.users, t.filters.groups) =
                (FilterForms::Equality(&[]), FilterForms::Equality(&[]));
        }),
    ];
    for (what, change) in changes {
        println!("{what}");
        let mut truth = Truth::RFC;
        change(&mut truth);
        check(&truth).await;
    }
}
