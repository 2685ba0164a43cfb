//! Reports of nightly runs: which there are, and where to open them.

use contract::report::{Manifest, RunSummary};
use jiff::civil::Date;
use ports::objects::Locate;
use ports::{Fault, Objects};
use serde::{Deserialize, Serialize};

use super::Operations;

/// Below which reports lie.
const REPORTS: &str = "reports/v1/";

/// One report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    /// The run.
    pub run: Box<str>,
    /// The company's day.
    pub date: Date,
    /// Whether every target was observed in full.
    pub complete: bool,
    /// Findings by class name.
    pub findings: u64,
    /// Findings that the run before did not have.
    pub new: u64,
    /// Its files.
    pub files: Vec<String>,
}

impl<S, L, B: Objects + Locate, C> Operations<'_, S, L, B, C> {
    /// Finished runs, the latest first. One without a manifest is not finished.
    pub(super) async fn reports(&self, most: usize) -> Result<Vec<ReportView>, Fault> {
        let mut views = Vec::new();
        for folder in self.folders().await?.into_iter().take(most) {
            views.push(self.view(&folder).await?);
        }
        Ok(views)
    }

    /// What the latest finished run came to, and where its report can be opened.
    pub async fn latest(&self) -> Result<Option<(RunSummary, String)>, Fault> {
        let folders = self.folders().await?;
        let Some(folder) = folders.first() else {
            return Ok(None);
        };
        let summary = self.manifest(folder).await?.summary;
        let page = format!("{folder}{}", reconciler::report::SUMMARY);
        Ok(Some((summary, self.objects.locate(&page).await?)))
    }

    /// Where a file of a run can be opened.
    pub(super) async fn report(&self, run: Option<&str>, file: &str) -> Result<String, Fault> {
        let folders = self.folders().await?;
        let mut named = folders.iter().filter(|folder| match run {
            Some(run) => run_of(folder).is_some_and(|name| name.starts_with(run)),
            None => true,
        });
        let Some(folder) = named.next() else {
            return Err(Fault::reject(match run {
                Some(run) => {
                    format!("no finished run begins with `{run}`; see `lanyard report list`")
                }
                None => "no run has finished yet; `lanyard reconcile` makes one".to_owned(),
            }));
        };
        if run.is_some() && named.next().is_some() {
            return Err(Fault::reject(
                "several runs begin like that; give more of the name",
            ));
        }
        let view = self.view(folder).await?;
        if !view.files.iter().any(|known| known == file) {
            return Err(Fault::reject(format!(
                "the report has no file `{file}`; it has {}",
                view.files.join(", ")
            )));
        }
        self.objects.locate(&format!("{folder}{file}")).await
    }

    /// The folders of finished runs, the latest first.
    async fn folders(&self) -> Result<Vec<String>, Fault> {
        let manifest = reconciler::report::MANIFEST;
        let keys = self.objects.list(REPORTS).await?;
        let mut folders: Vec<String> = keys
            .iter()
            .filter_map(|key| key.strip_suffix(manifest))
            .map(str::to_owned)
            .collect();
        folders.sort_by(|a, b| run_of(b).cmp(&run_of(a)));
        Ok(folders)
    }

    async fn manifest(&self, folder: &str) -> Result<Manifest, Fault> {
        let key = format!("{folder}{}", reconciler::report::MANIFEST);
        let body = self.objects.get(&key).await?;
        let manifest: Option<Manifest> = body.and_then(|body| serde_json::from_slice(&body).ok());
        manifest.ok_or_else(|| Fault::reject(format!("`{key}` is missing or damaged")))
    }

    async fn view(&self, folder: &str) -> Result<ReportView, Fault> {
        let manifest = self.manifest(folder).await?;
        let targets = manifest.summary.targets.values();
        Ok(ReportView {
            complete: targets.clone().all(|target| target.gap().is_none()),
            findings: targets.flat_map(|target| target.findings.values()).sum(),
            new: manifest.summary.new_findings,
            files: manifest.files.keys().map(ToString::to_string).collect(),
            run: manifest.summary.run,
            date: manifest.summary.date,
        })
    }
}

/// The run in a folder's name: names of runs sort by time.
fn run_of(folder: &str) -> Option<&str> {
    let (_, run) = folder.trim_end_matches('/').rsplit_once("run=")?;
    Some(run)
}
