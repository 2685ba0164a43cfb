//! Sites, departments and titles of the fictional company: the vocabulary of the sample
//! organisation's policy.

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

/// Zones from the earliest to the latest day on Earth.
pub(super) static SITES: [Site; 6] = [
    site("Berlin", "DE", "Europe/Berlin"),
    site("London", "GB", "Europe/London"),
    site("New York", "US", "America/New_York"),
    site("San Francisco", "US", "America/Los_Angeles"),
    site("Tokyo", "JP", "Asia/Tokyo"),
    site("Auckland", "NZ", "Pacific/Auckland"),
];

pub(super) static DEPARTMENTS: [Department; 5] = [
    Department {
        name: "Engineering",
        spellings: &["ENGINEERING", " engineering "],
        head: "Director of Engineering",
        titles: &[
            "Software Engineer",
            "Senior Software Engineer",
            "Site Reliability Engineer",
        ],
        cost_center: "4100",
    },
    Department {
        name: "Sales",
        spellings: &["sales"],
        head: "Director of Sales",
        titles: &["Account Executive", "Sales Engineer"],
        cost_center: "5100",
    },
    Department {
        name: "Finance",
        spellings: &["FINANCE"],
        head: "Chief Financial Officer",
        titles: &["Accountant", "Accounts Payable Clerk", "Financial Analyst"],
        cost_center: "6100",
    },
    Department {
        name: "People",
        spellings: &["people"],
        head: "Director of People",
        titles: &["HR Business Partner", "Recruiter"],
        cost_center: "7100",
    },
    Department {
        name: "Support",
        spellings: &["support"],
        head: "Director of Support",
        titles: &["Support Agent", "Support Engineer"],
        cost_center: "8100",
    },
];

/// What a bad record says instead of a department.
pub(super) const NO_DEPARTMENT: &str = "Dept. of Misfiled Papers";
