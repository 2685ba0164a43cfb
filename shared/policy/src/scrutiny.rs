//! How closely a policy is looked at.

use std::collections::BTreeMap;

use domain::policy::{Role, Rule};
use domain::{Attr, Policy};

use crate::example::{self, Example};
use crate::report::{At, Report, Span};
use crate::sections::{Named, Sections};
use crate::vocabulary::Vocabulary;
use crate::{role, rule};

/// What a policy that holds together is asked besides. Behind a trait, because functions only load
/// policies: nothing of it, and nothing of the planner that examples run through, is linked into them.
pub(crate) trait Closely: Sync {
    /// Whether its rules make sense.
    fn rules(
        &self,
        report: &Report,
        table: &Named<Rule>,
        roles: &Named<Role>,
        required: &[At<Attr>],
        vocabulary: &Vocabulary,
    );

    /// What became of an earlier version, where there is one. With it, where each role stands.
    fn growth(&self, report: &Report, policy: &Policy, roles: &BTreeMap<Box<str>, Span>);

    /// Whether it does what its examples say.
    fn examples(&self, sections: &Sections<'_>, policy: &Policy, examples: &[Example]);
}

/// Everything, beside an earlier version.
pub(crate) struct Check<'a>(pub(crate) Option<&'a Policy>);

impl Closely for Check<'_> {
    fn rules(
        &self,
        report: &Report,
        table: &Named<Rule>,
        roles: &Named<Role>,
        required: &[At<Attr>],
        vocabulary: &Vocabulary,
    ) {
        rule::report_never(report, table, required, vocabulary);
        rule::report_subsumed(report, table, roles);
    }

    fn growth(&self, report: &Report, policy: &Policy, roles: &BTreeMap<Box<str>, Span>) {
        if let Some(before) = self.0 {
            role::report_growth(report, policy, before, roles);
        }
    }

    fn examples(&self, sections: &Sections<'_>, policy: &Policy, examples: &[Example]) {
        example::run(sections, policy, examples);
    }
}
