//! What loads, what does not, and in which words.

mod access;
mod auth;
mod dialects;
mod differential;
mod documented;
mod evaluation;
mod examples;
mod expressions;
mod feeds;
mod kinds;
mod knobs;
mod linter;
mod names;
mod people;
mod profiles;
mod properties;
mod samples;
mod steps;
mod syntax;
mod systems;
mod together;
mod validation;
mod values;
mod warnings;

/// A policy that loads, to which each case adds something.
const GOOD: &str = include_str!("good.toml");

/// What the loader says about a file beside a good one, and that it says it as JSON too.
fn said(text: &str) -> String {
    answer(text, crate::load_files)
}

/// The same where the policy is looked at closely.
fn checked(text: &str) -> String {
    answer(text, crate::check_files)
}

type Look = fn([(String, String); 2]) -> Result<crate::Loaded, crate::Errors>;

fn answer(text: &str, look: Look) -> String {
    let files = [("good.toml", GOOD), ("case.toml", text)]
        .map(|(name, text)| (name.to_owned(), text.trim_start_matches('\n').to_owned()));
    let diagnostics = match look(files) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => {
            let json = serde_json::to_value(&errors).unwrap();
            assert_eq!(json.as_array().unwrap().len(), errors.diagnostics().len());
            errors.diagnostics().to_vec()
        }
    };
    crate::render(&diagnostics)
}
