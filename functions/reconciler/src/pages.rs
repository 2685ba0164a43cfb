//! The one loop over pages. Nothing else in the product walks a listing.

use std::future::Future;

use domain::certify::Certifier;
use domain::{Account, Group};
use ports::Observe;
use ports::target::{Cursor, Page, TargetError};

/// Something that comes in pages.
pub(crate) trait Listing: Sync {
    /// What it lists.
    type Item: Send;

    /// One page.
    fn page(
        &self,
        after: Option<&Cursor>,
    ) -> impl Future<Output = Result<Page<Self::Item>, TargetError>> + Send;
}

/// The users of a target.
pub(crate) struct Users<'a, O>(pub(crate) &'a O);

impl<O: Observe> Listing for Users<'_, O> {
    type Item = Account;

    async fn page(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        self.0.users(after).await
    }
}

/// The groups of a target.
pub(crate) struct Groups<'a, O>(pub(crate) &'a O);

impl<O: Observe> Listing for Groups<'_, O> {
    type Item = Group;

    async fn page(&self, after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        self.0.groups(after).await
    }
}

/// Reads every page, and hands every item to `take` together with the certifier. Ends with the
/// last page, or at the first that fails: what is wrong is the certifier's to say.
pub(crate) async fn read<L: Listing>(
    listing: &L,
    certifier: &mut Certifier,
    mut take: impl FnMut(L::Item, &mut Certifier) + Send,
) {
    let mut after: Option<Cursor> = None;
    loop {
        let page = match listing.page(after.as_ref()).await {
            Ok(page) => page,
            Err(error) => {
                certifier.page_failed(error.into_fault().to_string());
                return;
            }
        };
        certifier.page(page.declared);
        for item in page.items {
            take(item, certifier);
        }
        if !certifier.goes_on(page.next.as_ref().map(|cursor| &*cursor.0)) {
            return;
        }
        after = page.next;
    }
}
