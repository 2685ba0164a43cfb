//! What cannot be avoided: fetching the pages and parsing them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::people::accounts;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(rename = "totalResults")]
    total: u64,
    #[serde(borrow, rename = "Resources")]
    users: Vec<User<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of RFC 7643")]
struct User<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    external_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    user_name: Cow<'a, str>,
    active: bool,
    #[serde(borrow)]
    name: Option<Name<'a>>,
    #[serde(borrow)]
    display_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    emails: Vec<Typed<'a>>,
    #[serde(borrow)]
    phone_numbers: Vec<Typed<'a>>,
    #[serde(
        borrow,
        rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    )]
    enterprise: Option<Enterprise<'a>>,
    #[serde(borrow)]
    meta: Meta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name<'a> {
    #[serde(borrow)]
    given_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    family_name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Enterprise<'a> {
    #[serde(borrow)]
    employee_number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cost_center: Option<Cow<'a, str>>,
    #[serde(borrow)]
    division: Option<Cow<'a, str>>,
    #[serde(borrow)]
    department: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow)]
    created: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
}

/// Reads every page; returns a number that depends on every value.
pub fn read(base: &str, people: u64, page: u16) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let mut start = 1;
        let mut touched = 0;
        loop {
            let url = format!("{base}/ordered/{people}/Users?startIndex={start}&count={page}");
            let answer = client
                .get(url)
                .header("authorization", "Bearer token")
                .header("accept", "application/scim+json")
                .send()
                .await
                .expect("an answer");
            let body = answer.bytes().await.expect("a body");
            let page: Page<'_> = serde_json::from_slice(&body).expect("a page");
            touched += page.users.iter().map(touch).sum::<usize>();
            start += page.users.len() as u64;
            if start > page.total {
                assert_eq!(start, accounts(people) + 1);
                return touched;
            }
        }
    })
}

fn touch(user: &User<'_>) -> usize {
    let len = |text: &Option<Cow<'_, str>>| text.as_ref().map_or(0, |text| text.len());
    let typed = |list: &[Typed<'_>]| -> usize {
        let work = list.iter().find(|one| one.kind.as_deref() == Some("work"));
        work.map_or(0, |one| one.value.len())
    };
    let name = user.name.as_ref();
    let enterprise = user.enterprise.as_ref();
    user.id.len()
        + user.user_name.len()
        + usize::from(user.active)
        + len(&user.external_id)
        + name.map_or(0, |name| len(&name.given_name) + len(&name.family_name))
        + len(&user.display_name)
        + len(&user.title)
        + typed(&user.emails)
        + typed(&user.phone_numbers)
        + enterprise.map_or(0, |e| {
            len(&e.employee_number) + len(&e.cost_center) + len(&e.division) + len(&e.department)
        })
        + len(&user.meta.created)
        + len(&user.meta.version)
}
