//! The floor: `serde_json` into a borrowed struct of every field of the event.

use serde::Deserialize;

macro_rules! event {
    ($($field:ident,)*) => {
        #[derive(Deserialize)]
        struct Attributes<'a> { $(#[serde(borrow, default)] $field: Option<&'a str>,)* }

        impl Attributes<'_> {
            fn length(&self) -> usize {
                0 $(+ self.$field.map_or(0, str::len))*
            }
        }
    };
}

event! {
    employee_number, person_key, given_name, family_name, middle_name, preferred_given_name,
    preferred_family_name, display_name, work_email, personal_email, work_phone, mobile_phone,
    department, division, cost_center, company, team, title, job_code, location, city, region,
    country, employment_type, worker_status, manager_id, manager_status, start_date, end_date,
    original_hire_date, time_zone, clearance, language, extension_1, extension_2, extension_3,
    extension_4, extension_5,
}

#[derive(Deserialize)]
struct Event<'a> {
    schema: &'a str,
    r#type: &'a str,
    worker_id: &'a str,
    version: u64,
    effective: &'a str,
    recorded_at: &'a str,
    #[serde(borrow)]
    attributes: Attributes<'a>,
}

/// Reads an event; how much text it held.
pub fn parse(event: &str) -> usize {
    let event: Event<'_> = serde_json::from_str(event).expect("readable");
    let texts = [
        event.schema,
        event.r#type,
        event.worker_id,
        event.effective,
        event.recorded_at,
    ];
    texts.iter().map(|text| text.len()).sum::<usize>()
        + event.attributes.length()
        + usize::try_from(event.version).unwrap_or(0)
}
