//! Where the queues are.

use std::sync::Arc;

use contract::Lane;

/// The queues' URLs: a prefix, and then the name of the lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueUrls(Arc<str>);

impl QueueUrls {
    /// Takes what comes before a lane's name, the stack's part of the queue's name included:
    /// `https://sqs.eu-central-1.amazonaws.com/123456789012/lanyard-`.
    pub fn new(prefix: impl Into<Arc<str>>) -> Self {
        Self(prefix.into())
    }

    /// The lane's queue.
    pub fn of(&self, lane: &Lane) -> String {
        format!("{}{lane}", self.0)
    }

    /// The queue of an ARN, which lies where all of them lie; `None` where it is no queue's.
    pub(crate) fn of_arn(&self, arn: &str) -> Option<String> {
        let mut parts = arn.split(':');
        let is_queue = parts.next() == Some("arn") && parts.nth(1) == Some("sqs");
        let name = parts.nth(2).filter(|name| is_queue && !name.is_empty())?;
        let place = self.0.rsplit_once('/').map(|(place, _)| place)?;
        Some(format!("{place}/{name}"))
    }
}

/// The queue's name, for people.
pub(crate) fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_and_an_arn_give_the_same_url() {
        let urls = QueueUrls::new("https://sqs.eu-central-1.amazonaws.com/123456789012/lanyard-");
        let url = urls.of(&Lane::Target("wiki".into()));
        let want = "https://sqs.eu-central-1.amazonaws.com/123456789012/lanyard-lane-wiki.fifo";
        assert_eq!(url, want);
        let arn = "arn:aws:sqs:eu-central-1:123456789012:lanyard-lane-wiki.fifo";
        assert_eq!(urls.of_arn(arn).as_deref(), Some(want));
        assert_eq!(name(&url), "lanyard-lane-wiki.fifo");
    }

    #[test]
    fn what_is_no_queue_has_no_url() {
        let urls = QueueUrls::new("http://127.0.0.1:4566/000000000000/x-");
        for arn in [
            "",
            "arn:aws:sqs:eu-central-1:123456789012",
            "arn:aws:sqs:eu-central-1:123456789012:",
            "arn:aws:sns:eu-central-1:123456789012:x-facts.fifo",
            "x-facts.fifo",
        ] {
            assert_eq!(urls.of_arn(arn), None, "{arn}");
        }
        let elsewhere = QueueUrls::new("x-");
        assert_eq!(elsewhere.of_arn("arn:aws:sqs:r:1:x-facts.fifo"), None);
    }
}
