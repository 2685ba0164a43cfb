//! Every setting reaches the policy.

use domain::policy::Verify;

use crate::load_files;

const EVERYTHING: &str = include_str!("everything.toml");

#[test]
fn every_setting_reaches_the_policy() {
    let files = [("everything.toml".to_owned(), EVERYTHING.to_owned())];
    let loaded = match load_files(files) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{}", errors.render()),
    };
    assert_eq!(crate::render(&loaded.warnings), "");
    let mut policy = loaded.policy;
    // The version has a test of its own, and would change with every comment.
    policy.version = domain::Hash::default();
    insta::assert_debug_snapshot!(policy);
}

fn preset(verify: &str) -> Verify {
    let text = format!(
        "[sources.extra]\nzone = \"UTC\"\nformat = \"canonical\"\nverify = {verify}\n\
         secrets = [\"extra\"]\n"
    );
    let files = [("good.toml", super::GOOD), ("extra.toml", &text)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut policy = load_files(files).unwrap().policy;
    policy
        .sources
        .remove(&domain::SourceId::from("extra"))
        .unwrap()
        .verify
}

#[test]
fn presets_are_settings_of_one_verifier() {
    let all: Vec<String> = crate::preset::PRESETS
        .iter()
        .map(|(name, _)| format!("{name}: {:?}", preset(&format!("\"{name}\""))))
        .collect();
    let all = all.join("\n");
    insta::assert_snapshot!(all, @r#"
        standard-webhooks: Verify { header: "webhook-signature", algorithm: Sha256, encoding: Base64, prefix: Some("v1,"), separator: Some(' '), signed: IdTimestampBody, key: Whsec, id_header: Some("webhook-id"), timestamp_header: Some("webhook-timestamp"), tolerance_s: 300, secrets: ["extra"] }
        bamboohr: Verify { header: "x-bamboohr-signature", algorithm: Sha256, encoding: Hex, prefix: None, separator: None, signed: BodyTimestamp, key: Utf8, id_header: None, timestamp_header: Some("x-bamboohr-timestamp"), tolerance_s: 300, secrets: ["extra"] }
        hibob: Verify { header: "bob-signature", algorithm: Sha512, encoding: Base64, prefix: None, separator: None, signed: Body, key: Utf8, id_header: None, timestamp_header: None, tolerance_s: 300, secrets: ["extra"] }
        gusto: Verify { header: "x-gusto-signature", algorithm: Sha256, encoding: Hex, prefix: None, separator: None, signed: Body, key: Utf8, id_header: None, timestamp_header: None, tolerance_s: 300, secrets: ["extra"] }
        deel: Verify { header: "x-deel-signature", algorithm: Sha256, encoding: Hex, prefix: None, separator: None, signed: MethodBody, key: Utf8, id_header: None, timestamp_header: None, tolerance_s: 300, secrets: ["extra"] }
        merge: Verify { header: "x-merge-webhook-signature", algorithm: Sha256, encoding: Base64Url, prefix: None, separator: None, signed: Body, key: Utf8, id_header: None, timestamp_header: None, tolerance_s: 300, secrets: ["extra"] }
        finch: Verify { header: "finch-signature", algorithm: Sha256, encoding: Base64, prefix: Some("v1,"), separator: Some(' '), signed: IdTimestampBody, key: Base64, id_header: Some("finch-event-id"), timestamp_header: Some("finch-timestamp"), tolerance_s: 300, secrets: ["extra"] }
        "#);
}

#[test]
fn each_setting_of_a_preset_can_be_replaced() {
    let replaced = preset(
        r#"{ preset = "finch", header = "X-Own", algorithm = "sha512", encoding = "base64url",
             prefix = "v2=", separator = ",", signed = "{body}{ts}", key = "utf8", id_header = "",
             timestamp_header = "X-Own-Time", tolerance = "90s" }"#,
    );
    insta::assert_snapshot!(format!("{replaced:#?}"), @r#"
        Verify {
            header: "x-own",
            algorithm: Sha512,
            encoding: Base64Url,
            prefix: Some(
                "v2=",
            ),
            separator: Some(
                ',',
            ),
            signed: BodyTimestamp,
            key: Utf8,
            id_header: None,
            timestamp_header: Some(
                "x-own-time",
            ),
            tolerance_s: 90,
            secrets: [
                "extra",
            ],
        }
        "#);
    let bare = preset(r#"{ preset = "finch", prefix = "", separator = "" }"#);
    assert_eq!((bare.prefix, bare.separator), (None, None));
    let written_out = preset(
        r#"{ header = "x-gusto-signature", algorithm = "sha256", encoding = "hex",
             signed = "{body}", key = "utf8" }"#,
    );
    assert_eq!(written_out, preset("\"gusto\""));
}
