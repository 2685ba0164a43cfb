//! Sites, departments and titles of the fictional company: the vocabulary of the sample
//! organisation's policy in `infra/policy`.

/// A place of work.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) location: &'static str,
    pub(super) country: &'static str,
    pub(super) zone: &'static str,
}

/// A part of the company.
#[derive(Debug)]
pub(super) struct Department {
    pub(super) name: &'static str,
    /// Spellings that HR's keyboard produces beside the standard one.
    pub(super) spellings: &'static [&'static str],
    pub(super) head: &'static str,
    pub(super) titles: &'static [&'static str],
    pub(super) cost_center: &'static str,
}

const fn site(location: &'static str, country: &'static str, zone: &'static str) -> Site {
    Site {
        location,
        country,
        zone,
    }
}

/// Zones from the earliest to the latest working day on Earth.
pub(super) static SITES: [Site; 12] = [
    site("Auckland", "NZ", "Pacific/Auckland"),
    site("Tokyo", "JP", "Asia/Tokyo"),
    site("Singapore", "SG", "Asia/Singapore"),
    site("Kolkata", "IN", "Asia/Kolkata"),
    site("Berlin", "DE", "Europe/Berlin"),
    site("Lisbon", "PT", "Europe/Lisbon"),
    site("London", "GB", "Europe/London"),
    site("São Paulo", "BR", "America/Sao_Paulo"),
    site("New York", "US", "America/New_York"),
    site("Chicago", "US", "America/Chicago"),
    site("San Francisco", "US", "America/Los_Angeles"),
    site("Honolulu", "US", "Pacific/Honolulu"),
];

const fn department(
    name: &'static str,
    spellings: &'static [&'static str],
    head: &'static str,
    titles: &'static [&'static str],
    cost_center: &'static str,
) -> Department {
    Department {
        name,
        spellings,
        head,
        titles,
        cost_center,
    }
}

pub(super) static DEPARTMENTS: [Department; 10] = [
    department(
        "Engineering",
        &["ENGINEERING", " eng ", "R&D", "Product  Engineering"],
        "Director of Engineering",
        &[
            "Software Engineer",
            "Senior Software Engineer",
            "Site Reliability Engineer",
        ],
        "4100",
    ),
    department(
        "Data",
        &["Data & Analytics", "analytics"],
        "Head of Data",
        &["Data Analyst", "Data Engineer"],
        "4200",
    ),
    department(
        "IT",
        &["Information Technology", "it"],
        "Head of IT",
        &["IT Administrator", "IT Support Specialist"],
        "4300",
    ),
    department(
        "Sales",
        &["Commercial", "SALES"],
        "Head of Sales",
        &["Account Executive", "Sales Engineer"],
        "5100",
    ),
    department(
        "Marketing",
        &["Brand & Marketing"],
        "Head of Marketing",
        &["Content Designer", "Campaign Planner"],
        "5200",
    ),
    department(
        "Finance",
        &["Accounting", "FINANCE & Accounting"],
        "Chief Financial Officer",
        &["Accountant", "Accounts Payable Clerk", "Finance Controller"],
        "6100",
    ),
    department(
        "People",
        &["HR", "human resources"],
        "Head of People",
        &["HR Business Partner", "Recruiter"],
        "7100",
    ),
    department(
        "Legal",
        &["Legal & Compliance"],
        "General Counsel",
        &["Counsel", "Paralegal"],
        "7200",
    ),
    department(
        "Support",
        &["Customer Support", "customer success"],
        "Head of Support",
        &["Support Agent", "Support Engineer"],
        "8100",
    ),
    department(
        "Operations",
        &["Ops", "Facilities"],
        "Head of Operations",
        &["Facilities Coordinator", "Logistics Planner"],
        "9100",
    ),
];

/// The title whose holders need a clearance.
pub(super) const CLEARED_TITLE: &str = "IT Administrator";

/// What a bad record says instead of a department.
pub(super) const NO_DEPARTMENT: &str = "Dept. of Misfiled Papers";
