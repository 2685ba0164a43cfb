//! For a pull request.

use std::fmt::Write as _;

use super::super::Diff;
use super::{grown, limit, limits_sentence, reasons, sentence, words};

/// The whole comparison.
pub fn markdown(diff: &Diff) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    writeln!(
        out,
        "## Policy {} → {}\n\n**{}** {}\n",
        diff.from.policy.version.short(),
        diff.to.policy.version.short(),
        sentence(diff),
        limits_sentence(diff)
    )
    .ok();
    if diff.recorrelated > 0 {
        writeln!(
            out,
            "{} records would find another human than now, or wait for one to say so.\n",
            diff.recorrelated
        )
        .ok();
    }
    if !diff.verdicts.is_empty() {
        writeln!(out, "| Target | Limit | Changes | Window | Verdict |").ok();
        writeln!(out, "|---|---|--:|---|---|").ok();
        for verdict in &diff.verdicts {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                escape(verdict.target.as_str()),
                escape(&verdict.scope.to_string()),
                verdict.count,
                limit(verdict),
                if verdict.held { "**held**" } else { "passes" }
            )
            .ok();
        }
        writeln!(out).ok();
    }
    if !diff.grown.is_empty() {
        writeln!(out, "### Default roles that grow\n").ok();
        for role in &diff.grown {
            writeln!(out, "- {}", escape(&grown(role))).ok();
        }
        writeln!(out).ok();
    }
    let mut weight = None;
    for (heading, group) in &diff.tally.groups {
        if weight != Some(heading.weight) {
            weight = Some(heading.weight);
            writeln!(out, "### {}\n", words::weight(heading.weight)).ok();
        }
        let rules = words::rules(heading);
        let rules = if rules.is_empty() {
            String::new()
        } else {
            format!(" · rule {}", escape(&rules))
        };
        writeln!(
            out,
            "<details><summary><b>{}</b>: {}{rules}</summary>\n",
            escape(&words::heading(heading)),
            group.count
        )
        .ok();
        writeln!(
            out,
            "| Person | Difference | Before | After |\n|---|---|---|---|"
        )
        .ok();
        for row in &group.rows {
            let (was, now) = reasons(&row.delta);
            writeln!(
                out,
                "| {} | {} | {} | {} |",
                escape(row.name.reveal()),
                escape(&words::effect(&row.delta.effect)),
                escape(&was),
                escape(&now)
            )
            .ok();
        }
        let shown = group.rows.len() as u64;
        if group.count > shown {
            writeln!(out, "\nAnd {} more.", group.count - shown).ok();
        }
        writeln!(out, "\n</details>\n").ok();
    }
    writeln!(out, "At {}. Digest `{}`.", diff.at, diff.tally.digest()).ok();
    out
}

/// A text that means itself: no markup, no link, no mention of an account, no second line. Named
/// character references are read both in Markdown and inside HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // The colon of a link without angle brackets, and the full stop of a bare domain.
            '@' | '#' | '|' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '!' | '~' | '\\' | ':'
            | '$' | '{' | '}' | '\'' => {
                write!(out, "&#{};", u32::from(c)).ok();
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a_name_cannot_become_markup() {
        assert_eq!(
            escape("<img src=x onerror=alert(1)>|[a](http://b)\n@team **x** `y`"),
            "&lt;img src=x onerror=alert&#40;1&#41;&gt;&#124;&#91;a&#93;&#40;http&#58;//b&#41; \
             &#64;team &#42;&#42;x&#42;&#42; &#96;y&#96;"
        );
        assert_eq!(escape("Zoë O’Neil-Ruiz"), "Zoë O’Neil-Ruiz");
    }
}
