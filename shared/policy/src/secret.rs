//! Policy names secrets and never holds them. Recognises text that looks like a secret, so that
//! it is refused, and never repeated in a message.

use crate::report::{Report, Span};

/// The kind of mistake; its source line is not shown.
pub(crate) const CODE: &str = "inline-secret";

/// The kind of mistake that a file's TOML has.
pub(crate) const SYNTAX: &str = "syntax";

/// How well-known tokens begin.
const PREFIXES: &[&str] = &[
    "whsec_",
    "whsk_",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "sk_live_",
    "sk_test_",
    "sk-ant-",
    "sk-proj-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "eyJ",
    "SG.",
    "shpat_",
    "dop_v1_",
    "npm_",
    "pypi-",
];

/// Whether a line, or a text in it, holds what looks like a secret: a well-known beginning with
/// enough after it, an authorization header, a private key, or a long run without structure.
pub(crate) fn looks_like(text: &str) -> bool {
    if text.contains("-----BEGIN ") || text.contains("PRIVATE KEY") {
        return true;
    }
    text.split(|c: char| !is_token_char(c)).any(word) || header(text) || user_info(text)
}

/// The value of an `Authorization` header as a whole text.
fn header(text: &str) -> bool {
    ["Bearer ", "Basic "].iter().any(|scheme| {
        text.split(['"', '\''])
            .filter_map(|quoted| quoted.strip_prefix(scheme))
            .any(|token| token.len() >= 8 && !token.contains(' '))
    })
}

/// An address with user name and password.
fn user_info(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '"', '\'', ' ']).next().unwrap_or_default();
        authority
            .split_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
    })
}

/// Reports every line that holds what looks like a secret, in a comment too.
pub(crate) fn check(report: &Report, file: usize, text: &str) {
    let mut start = 0;
    for line in text.split('\n') {
        if looks_like(line) {
            let indent = line.len() - line.trim_start().len();
            report.error(
                Span::new(file, &(start + indent..start + line.len())),
                CODE,
                "a secret stands in the policy",
                "policy names secrets and never holds them: put the value into the secret \
                 store, write its name here, and replace the secret, since it has been in a file",
            );
        }
        start += line.len() + 1;
    }
}

/// Whether a message of that kind may stand beside a line with a secret. Messages of other kinds
/// quote what they are about.
pub(crate) fn may_say(code: &str) -> bool {
    code == CODE || code == SYNTAX
}

const fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '=' | '-' | '.')
}

fn word(word: &str) -> bool {
    let known = PREFIXES.iter().any(|prefix| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= 12)
    });
    known || (!is_id(word) && word.split(['/', '.']).any(random))
}

/// An id with hyphens, or that of a provisioning job of Microsoft Entra: a word, an id without
/// hyphens, an id with.
fn is_id(word: &str) -> bool {
    if crate::kind::is_guid(word) {
        return true;
    }
    let mut parts = word.split('.');
    let (template, app, id) = (parts.next(), parts.next(), parts.next());
    template.is_some_and(|part| part.len() <= 24 && part.bytes().all(|b| b.is_ascii_alphanumeric()))
        && app.is_some_and(|part| part.len() == 32 && part.bytes().all(|b| b.is_ascii_hexdigit()))
        && id.is_some_and(crate::kind::is_guid)
        && parts.next().is_none()
}

/// A run of at least 24 characters whose letters and digits alternate as no word's do, or of at
/// least 32 hex digits.
fn random(run: &str) -> bool {
    let hex = run.len() >= 32 && run.bytes().all(|b| b.is_ascii_hexdigit());
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let turns = run
        .as_bytes()
        .windows(2)
        .filter(|pair| {
            matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()
                && a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
        })
        .count();
    let mixed = run.len() >= 24
        && run.bytes().any(|b| b.is_ascii_uppercase())
        && run.bytes().any(|b| b.is_ascii_lowercase())
        && digits >= 3
        && turns >= 4;
    (hex && digits > 0) || mixed
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn recognises_secrets() {
        for text in [
            "url = \"https://admin:hunter2@example.com/scim\"",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "xoxb-1234567890-abcdefghij",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
            "key = \"Bearer correct-horse\"",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "q7Xn2LpZ8vRk4TyWc1BdGh5J",
            "API2AAD.b16687d38faf42adb29892cdcaf01c6e",
            "a.b16687d38faf42adb29892cdcaf01c6e.1a03de52-b9c3-4e2c-a1e3-9145aaa8e530.x",
            "-----BEGIN PRIVATE KEY-----",
        ] {
            assert!(looks_like(text), "{text}");
        }
    }

    #[test]
    fn leaves_words_alone() {
        for text in [
            "directory-scim-token-2026-production",
            "prod/hr/webhook-signing-key-2026-11",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "{preferred_given_name|given_name}.{family_name:slug}{n}",
            "https://directory.meridian.example/scim/v2",
            "America/Argentina/ComodRivadavia",
            "emails[type eq \"work\"].value",
            "note = \"Basic research and Bearer bonds\"",
            "https://example.com/@admin:x",
            "finance-payables-payment-approver",
            "API2AAD.b16687d38faf42adb29892cdcaf01c6e.1a03de52-b9c3-4e2c-a1e3-9145aaa8e530",
            "1A03DE52-b9c3-4e2c-A1E3-9145aaa8e530",
        ] {
            assert!(!looks_like(text), "{text}");
        }
    }
}
