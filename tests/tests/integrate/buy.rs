// buy.rs
use keysat_licensing_client::{Client, Error, PurchaseSession, StartPurchaseOptions};
use std::time::Duration;

const STEP: Duration = Duration::from_secs(3);

/// Orders a policy. Store the answer's `invoice_id`: it fetches the key at any
/// later time, so nothing is lost if the application ends.
pub async fn order(client: &Client, email: &str) -> Result<PurchaseSession, Error> {
    let options = StartPurchaseOptions {
        policy_slug: Some("pro"),
        buyer_email: Some(email), // for POST /v1/recover
        ..StartPurchaseOptions::default()
    };
    client.start_purchase("demo", &options).await
}

/// Waits until the order is paid: the key, or `None` if it ended unpaid. First
/// open `checkout_url` in the browser. If it is empty, there is nothing to pay
/// and the key is available at once.
pub async fn wait(client: &Client, invoice_id: &str) -> Result<Option<String>, Error> {
    loop {
        match client.poll_purchase(invoice_id).await {
            Ok(progress) if progress.license_key.is_some() => return Ok(progress.license_key),
            Ok(progress) if matches!(progress.status.as_str(), "expired" | "invalid") => {
                return Ok(None);
            }
            // The order does not exist, and never will.
            Err(error @ Error::Server { status: 404, .. }) => return Err(error),
            // Not paid yet, or a network error: try again.
            Ok(_) | Err(_) => tokio::time::sleep(STEP).await,
        }
    }
}
