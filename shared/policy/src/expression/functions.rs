//! The functions that there are, by the names that administrators know from Entra, and by CEL's.

use cel::IdedExpr;

use super::lower::{Lowered, Lowering};

/// How a call is lowered, given its node and its arguments, the text before its dot first.
type Lower = fn(&mut Lowering<'_>, &IdedExpr, &[&IdedExpr]) -> Option<Lowered>;

/// A function.
pub(crate) struct Signature {
    pub(super) name: &'static str,
    /// Fewest and most arguments, the text before the dot included.
    pub(super) arguments: (usize, usize),
    /// How it is written.
    pub(crate) form: &'static str,
    pub(super) lower: Lower,
}

const ANY: usize = usize::MAX;

const fn signature(
    name: &'static str,
    arguments: (usize, usize),
    form: &'static str,
    lower: Lower,
) -> Signature {
    Signature {
        name,
        arguments,
        form,
        lower,
    }
}

/// A method of [`Lowering`] for whatever it lowers.
macro_rules! by {
    ($method:ident) => {
        |lowering: &mut Lowering<'_>, node: &IdedExpr, given: &[&IdedExpr]| {
            lowering.$method(node, given)
        }
    };
}

/// Every function.
#[rustfmt::skip]
pub(crate) const FUNCTIONS: &[Signature] = &[
    signature("Coalesce", (2, ANY), "Coalesce(text, text, ...)", by!(coalesce)),
    signature("IIF", (3, 3), "IIF(condition, then, otherwise)", by!(iif)),
    signature("IsNullOrEmpty", (1, 1), "IsNullOrEmpty(text)", by!(is_null_or_empty)),
    signature("IsPresent", (1, 1), "IsPresent(text)", by!(is_present)),
    signature("Item", (2, 2), "Item(list, position)", by!(item)),
    signature("Join", (2, ANY), "Join(separator, text or list, ...)", by!(join)),
    signature("Left", (2, 2), "Left(text, characters)", by!(left)),
    signature("Mid", (3, 3), "Mid(text, start, characters)", by!(mid)),
    signature("NormalizeDiacritics", (1, 1), "NormalizeDiacritics(text)", by!(normalize)),
    signature("Replace", (3, 3), "Replace(text, old, new)", by!(replace)),
    signature("Right", (2, 2), "Right(text, characters)", by!(right)),
    signature("Split", (2, 2), "Split(text, separator)", by!(split)),
    signature("Switch", (4, ANY), "Switch(text, otherwise, key, value, ...)", by!(switch)),
    signature("ToLower", (1, 1), "ToLower(text)", by!(lower_case)),
    signature("ToUpper", (1, 1), "ToUpper(text)", by!(upper_case)),
    signature("Trim", (1, 1), "Trim(text)", by!(trim)),
    signature("all", (3, 3), "[text, ...].all(name, condition)", by!(all)),
    signature("contains", (2, 2), "text.contains(part)", by!(contains)),
    signature("endsWith", (2, 2), "text.endsWith(end)", by!(ends_with)),
    signature("exists", (3, 3), "[text, ...].exists(name, condition)", by!(exists)),
    signature("has", (1, 1), "has(attribute)", by!(is_present)),
    signature(SIZE, (1, 1), "size(text or list)", by!(size)),
    signature("startsWith", (2, 2), "text.startsWith(start)", by!(starts_with)),
];

/// The one function that is written both ways.
const SIZE: &str = "size";

impl Signature {
    /// Whether it may be written behind a dot (true), or without one (false).
    pub(super) fn may_be(&self, dotted: bool) -> bool {
        // `[text, ...].all(` has dots in its list too.
        let head = self.form.split('(').next().unwrap_or_default();
        let is_method = head.contains("].") || head.starts_with("text.");
        self.name == SIZE || is_method == dotted
    }
}

/// Functions of Entra, CEL or other languages that are left out, and what to do instead.
pub(super) const LEFT_OUT: &[(&str, &str)] = &[
    (
        "SelectUniqueValue",
        "whether a value is taken is the store's knowledge: make a ladder under `[identifiers.<name>]` \
         and map it with `{ identifier = \"<name>\" }`",
    ),
    (
        "matches",
        "regular expressions are left out, because nobody sees what they cost or let through: use \
         `startsWith`, `endsWith`, `contains` or `in`",
    ),
    (
        "map",
        "there are no loops: use `exists` or `all` over a list that is written out",
    ),
    (
        "filter",
        "there are no loops: use `exists` or `all` over a list that is written out",
    ),
    ("exists_one", "use `exists` or `all`"),
    ("Append", "write `+`"),
    ("Not", "write `!`"),
    (
        "IsNull",
        "use `IsNullOrEmpty`: a rule should not tell null from empty",
    ),
    ("SingleAppRoleAssignment", "roles are given by `[[rules]]`"),
    (
        "IgnoreFlowIfNullOrEmpty",
        "leave it out: what touches an absent attribute changes nothing anyway",
    ),
    ("StripSpaces", "use `Replace(text, \" \", \"\")`"),
    ("InStr", "use `text.contains(part)`"),
    ("Count", "use `size(list)`"),
    ("Len", "use `size(text)`"),
    ("substring", "use `Mid(text, start, characters)`"),
    ("lower", "use `ToLower(text)`"),
    ("upper", "use `ToUpper(text)`"),
];

/// The function of a name.
pub(super) fn find(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|known| known.name == name)
}

/// The help for a name that is no function.
pub(super) fn help(name: &str) -> String {
    let left_out = LEFT_OUT
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, instead)) = left_out {
        return (*instead).to_owned();
    }
    let near = crate::names::nearest(name, FUNCTIONS.iter().map(|known| known.name));
    near.map_or_else(
        || {
            let all: Vec<String> = FUNCTIONS
                .iter()
                .map(|known| format!("`{}`", known.name))
                .collect();
            format!("the functions are {}", all.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    )
}
