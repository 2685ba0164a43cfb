//! `[handover]`: who takes over what a leaver leaves behind.

use domain::policy::Handover;

use crate::sections::Sections;

/// Reads the section, if there is one.
pub(crate) fn read(sections: &Sections<'_>) -> Option<Handover> {
    let node = sections.single("handover", "there is one for the whole company")?;
    let fields = node.clone().called("`handover`".to_owned()).fields()?;
    let manager = fields
        .need("who", "\"manager\"")
        .and_then(|node| node.choice(&[("manager", true), ("owner", false)]));
    let owner = fields
        .need("owner", "\"it-desk\"")
        .and_then(|node| node.text());
    let what = fields.need("what", "[\"mail\", \"drive\", \"repositories\"]");
    if let Some(what) = &what {
        what.not_empty();
    }
    let due_days = fields
        .need("due_days", "10")
        .and_then(|node| node.count(1..=365));
    let handover = Handover {
        manager: manager.unwrap_or(true),
        owner: owner.map_or("", |owner| owner.value).into(),
        what: what.map_or_else(Vec::new, |node| {
            let texts = node.texts().into_iter();
            texts.map(|text| text.value.into()).collect()
        }),
        due_days: due_days
            .and_then(|days| u16::try_from(days).ok())
            .unwrap_or_default(),
    };
    fields.finish();
    Some(handover)
}
