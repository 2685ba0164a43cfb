//! What the mappings of all targets yield for a person. Targets want much the same of people, so
//! that an expression is evaluated once, however many attributes have it.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::Input;
use crate::policy::{Expr, Mapping, Policy};
use crate::project::Mapped;
use crate::{
    Attr, AttrPath, Attrs, IdentityId, IdentityView, Pii, RecordKey, Slot, TargetId, text,
};

/// The different expressions of a policy's mappings.
#[derive(Clone, Debug, Default)]
pub(super) struct Expressions {
    all: Vec<Expr>,
    /// Of each target, which one each of its mappings has.
    of: BTreeMap<TargetId, Vec<usize>>,
}

impl Expressions {
    pub(super) fn new(policy: &Policy) -> Self {
        let mut all: Vec<Expr> = Vec::new();
        let mut place = |mapping: &Mapping| {
            let known = all.iter().position(|expr| *expr == mapping.expr);
            known.unwrap_or_else(|| {
                all.push(mapping.expr.clone());
                all.len() - 1
            })
        };
        let of = policy
            .targets
            .iter()
            .map(|(name, target)| {
                (
                    name.clone(),
                    target.mappings.iter().map(&mut place).collect(),
                )
            })
            .collect();
        Self { all, of }
    }
}

/// What they read, and what was read already.
pub(super) struct Source<'a> {
    pub(super) attrs: &'a Attrs,
    identity: &'a IdentityId,
    identifiers: BTreeMap<&'a str, Slot>,
    manager: Option<&'a RecordKey>,
    expressions: &'a Expressions,
    values: Vec<OnceCell<Option<Slot>>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        expressions: &'a Expressions,
        input: &Input<'a>,
        view: &'a IdentityView,
        attrs: &'a Attrs,
    ) -> Self {
        let identifiers = input.identifiers.iter();
        Self {
            attrs,
            identity: input.identity,
            identifiers: identifiers
                .map(|(namespace, value)| (&**namespace, Slot::from(&**value.reveal())))
                .collect(),
            manager: view.speaker().and_then(|speaker| speaker.manager.as_ref()),
            values: vec![OnceCell::new(); expressions.all.len()],
            expressions,
        }
    }

    /// The attributes of an account on a target that has these mappings.
    pub(super) fn mapped(
        &self,
        target: &TargetId,
        mappings: &[Mapping],
    ) -> BTreeMap<AttrPath, Mapped> {
        let mut attrs = Vec::with_capacity(mappings.len());
        let places = self.expressions.of.get(target).into_iter().flatten();
        attrs.extend(mappings.iter().zip(places).filter_map(|(mapping, place)| {
            let mapped = Mapped {
                value: Pii::new(self.value(*place, &mapping.expr)?),
                strength: mapping.strength,
                refers: mapping.expr == Expr::Manager,
            };
            Some((mapping.path.clone(), mapped))
        }));
        attrs.into_iter().collect()
    }

    fn value(&self, place: usize, expr: &Expr) -> Option<Slot> {
        let value = self.values.get(place)?;
        value.get_or_init(|| self.evaluate(expr)).clone()
    }

    fn evaluate(&self, expr: &Expr) -> Option<Slot> {
        match expr {
            Expr::Template(template) => text::slot(template, self.attrs),
            Expr::Lookup {
                attr,
                table,
                default,
            } => match self.attrs.get(*attr)? {
                Slot::Null => Some(Slot::Null),
                Slot::Text(text) => table
                    .get(&**text)
                    .or(default.as_ref())
                    .cloned()
                    .map(Slot::Text),
            },
            Expr::FirstOf(options) => options
                .iter()
                .filter_map(|option| self.evaluate(option))
                .find(|slot| slot.text().is_some_and(|text| !text.is_empty())),
            Expr::Computed(expression) => expression.slot(self.attrs),
            Expr::Identifier(namespace) => self.identifiers.get(&**namespace).cloned(),
            Expr::Manager => match (self.manager, self.attrs.get(Attr::ManagerId)) {
                (Some(manager), Some(Slot::Text(_))) => Some(Slot::Text(manager.into())),
                (_, Some(Slot::Null)) => Some(Slot::Null),
                (_, Some(Slot::Text(_)) | None) => None,
            },
            Expr::Key => Some(Slot::Text(self.identity.into())),
        }
    }
}
