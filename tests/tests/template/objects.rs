//! Buckets: one each for policy, reports and audit, versioned, by TLS only, closed to the public, logged; audit locked.

use serde_json::json;
use tests::aws::template::line;

use crate::{number, templates};

const ACCESS_LOG: &str = "AccessLogBucket";

#[tokio::test]
async fn each_is_versioned_encrypted_closed_and_logged() {
    let shared = &templates().await.shared;
    let buckets = shared.all("AWS::S3::Bucket");
    let names: Vec<&str> = buckets.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [ACCESS_LOG, "AuditBucket", "PolicyBucket", "ReportsBucket"]
    );
    for (name, resource) in buckets {
        let bucket = &resource["Properties"];
        assert_eq!(
            bucket["VersioningConfiguration"]["Status"], "Enabled",
            "{name}"
        );
        let closed = json!({
            "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
        });
        assert_eq!(bucket["PublicAccessBlockConfiguration"], closed, "{name}");
        assert_eq!(
            bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"],
            "BucketOwnerEnforced"
        );
        let rule = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        let encrypted = line(&rule["ServerSideEncryptionByDefault"]);
        if name == ACCESS_LOG {
            assert_eq!(encrypted, "{SSEAlgorithm: AES256}");
            assert!(bucket["LoggingConfiguration"].is_null());
        } else {
            assert_eq!(
                encrypted, "{KMSMasterKeyID: {Key.Arn}, SSEAlgorithm: aws:kms}",
                "{name}"
            );
            assert_eq!(rule["BucketKeyEnabled"], true, "{name}");
            let log = line(&bucket["LoggingConfiguration"]["DestinationBucketName"]);
            assert_eq!(log, format!("{{{ACCESS_LOG}}}"), "{name}");
        }
        assert!(
            !bucket["LifecycleConfiguration"]["Rules"][0].is_null(),
            "{name}"
        );
        // A name of the template's own would be taken when a stack is made again beside what it left.
        assert!(bucket["BucketName"].is_null(), "{name}");
    }
}

#[tokio::test]
async fn each_takes_tls_only() {
    let shared = &templates().await.shared;
    let policies = shared.all("AWS::S3::BucketPolicy");
    assert_eq!(policies.len(), 4);
    for (name, policy) in policies {
        let bucket = line(&policy["Properties"]["Bucket"])
            .trim_matches(['{', '}'])
            .to_owned();
        assert_eq!(name, format!("{bucket}Policy"));
        let deny = &policy["Properties"]["PolicyDocument"]["Statement"][0];
        assert_eq!(deny["Effect"], "Deny", "{name}");
        assert_eq!(deny["Principal"], "*", "{name}");
        assert_eq!(deny["Action"], "s3:*", "{name}");
        let all = format!("[{{{bucket}.Arn}}, {{{bucket}.Arn}}/*]");
        assert_eq!(line(&deny["Resource"]), all);
        let condition = line(&deny["Condition"]);
        assert_eq!(condition, "{Bool: {aws:SecureTransport: false}}", "{name}");
    }
}

#[tokio::test]
async fn audit_is_locked_and_listed() {
    let shared = &templates().await.shared;
    let audit = shared.properties("AuditBucket");
    assert_eq!(audit["ObjectLockEnabled"], true);
    let retention = line(&audit["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]);
    assert_eq!(
        retention,
        "{Days: {Fn::FindInMap: [Profiles, {Profile}, AuditDays]}, Mode: {AuditLockMode}}"
    );
    let days =
        |profile: &str| number(&shared.document["Mappings"]["Profiles"][profile]["AuditDays"]);
    assert_eq!((days("cheap"), days("hardened")), (1, 7 * 365 + 2));
    assert_eq!(
        shared.document["Parameters"]["AuditLockMode"]["Default"],
        "GOVERNANCE"
    );
    let inventory = &audit["InventoryConfigurations"][0];
    assert!(line(&inventory["OptionalFields"]).contains("ObjectLockRetainUntilDate"));
}

#[tokio::test]
async fn reports_grow_cold_and_leftovers_go() {
    let reports = templates().await.shared.properties("ReportsBucket");
    let rules = &reports["LifecycleConfiguration"]["Rules"];
    assert_eq!(rules[0]["Prefix"], "reports/");
    let cold = line(&rules[0]["Transitions"]);
    assert_eq!(cold, "[{StorageClass: STANDARD_IA, TransitionInDays: 400}]");
    // `Objects::discard` does nothing on S3 but for this rule.
    assert_eq!(rules[1]["Prefix"], reconciler::RUNS);
    assert_eq!(rules[1]["Status"], "Enabled");
    let kept = number(&rules[1]["ExpirationInDays"]);
    assert_eq!(kept, 7);
    assert_eq!(
        number(&rules[1]["NoncurrentVersionExpiration"]["NoncurrentDays"]),
        1
    );
    // A run that goes on for so long finds what it left.
    let run = templates().await.shared.properties("Reconcile");
    let run = number(&run["Definition"]["TimeoutSeconds"]);
    assert!(run < kept * 24 * 60 * 60, "{run} s");
}

/// So the rule above is the only thing that deletes an object.
#[tokio::test]
async fn no_role_may_delete_one() {
    let mut policies = 0;
    for (name, role) in templates().await.every("AWS::IAM::Role") {
        for policy in role["Properties"]["Policies"]
            .as_array()
            .into_iter()
            .flatten()
        {
            for statement in policy["PolicyDocument"]["Statement"]
                .as_array()
                .into_iter()
                .flatten()
            {
                policies += 1;
                let actions = line(&statement["Action"]);
                assert!(!actions.contains("s3:Delete"), "{name}: {actions}");
                assert!(!actions.contains("s3:*"), "{name}: {actions}");
            }
        }
    }
    assert!(policies > 30, "{policies}");
}

#[tokio::test]
async fn the_template_makes_the_salt_and_no_secret_has_a_value() {
    let shared = &templates().await.shared;
    let secrets = shared.all("AWS::SecretsManager::Secret");
    let [(name, secret)] = secrets[..] else {
        panic!("secrets of sources and targets are made by hand");
    };
    assert_eq!(name, "Salt");
    let salt = &secret["Properties"];
    let webhook = shared.properties("HrWebhook");
    let prefix = line(&webhook["Environment"]["Variables"]["LANYARD_SECRET_PREFIX"]);
    assert_eq!(line(&salt["Name"]), format!("{prefix}salt"));
    assert!(salt["SecretString"].is_null());
    assert!(number(&salt["GenerateSecretString"]["PasswordLength"]) >= 32);
    assert_eq!(line(&salt["KmsKeyId"]), "{Key.Arn}");
}
