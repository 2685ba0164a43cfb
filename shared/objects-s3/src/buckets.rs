//! Which bucket a key is in.

/// What keys of the policy bucket begin with.
const POLICY: &str = "policy/";

/// The buckets by what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Keys that begin with `policy/`.
    pub policy: String,
    /// All other keys.
    pub reports: String,
}

impl Buckets {
    /// For a function that reads policy and has no other bucket: a request for another key fails.
    pub const fn policy_alone(policy: String) -> Self {
        Self {
            policy,
            reports: String::new(),
        }
    }

    /// The bucket of a key.
    pub(crate) fn of(&self, key: &str) -> &str {
        if key.starts_with(POLICY) {
            &self.policy
        } else {
            &self.reports
        }
    }

    /// The buckets in which keys with that prefix can be, and with which prefix there.
    pub(crate) fn of_prefix<'a>(&'a self, prefix: &'a str) -> Vec<(&'a str, &'a str)> {
        if prefix.starts_with(POLICY) {
            vec![(&self.policy, prefix)]
        } else if POLICY.starts_with(prefix) {
            vec![(&self.policy, POLICY), (&self.reports, prefix)]
        } else {
            vec![(&self.reports, prefix)]
        }
    }

    /// Whether a key of that bucket is an object of ours.
    pub(crate) fn holds(&self, bucket: &str, key: &str) -> bool {
        self.of(key) == bucket && ports::objects::check_key(key).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_has_a_bucket_of_its_own() {
        let buckets = Buckets {
            policy: "p".to_owned(),
            reports: "r".to_owned(),
        };
        for (key, bucket) in [
            ("policy/current", "p"),
            ("policy/versions/1", "p"),
            ("policy", "r"),
            ("policy-2/x", "r"),
            ("reports/policy/x", "r"),
        ] {
            assert_eq!(buckets.of(key), bucket, "{key}");
        }
        for (prefix, places) in [
            ("policy/", &[("p", "policy/")] as &[_]),
            ("policy/v", &[("p", "policy/v")]),
            ("", &[("p", "policy/"), ("r", "")]),
            ("pol", &[("p", "policy/"), ("r", "pol")]),
            ("policy", &[("p", "policy/"), ("r", "policy")]),
            ("policy-", &[("r", "policy-")]),
            ("reports/", &[("r", "reports/")]),
        ] {
            assert_eq!(buckets.of_prefix(prefix), places, "{prefix}");
        }
        assert!(buckets.holds("r", "a/b"));
        assert!(
            !buckets.holds("r", "policy/b"),
            "it cannot be read from here"
        );
        assert!(!buckets.holds("r", "a/"), "what consoles make of a folder");
    }
}
