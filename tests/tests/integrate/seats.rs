// seats.rs
use keysat_licensing_client::Client;
use serde_json::{Value, json};
use std::error::Error;

pub enum Seat {
    /// This machine has a seat.
    Taken,
    /// Other machines have all seats: show these, and let the user free one.
    AllTaken(Vec<Value>),
    /// Another reason, such as `expired`.
    Refused(String),
}

/// Safe to repeat: a machine that has a seat keeps it.
pub async fn take(server: &str, key: &str, fingerprint: &str) -> Result<Seat, Box<dyn Error>> {
    let answer = Client::new(server)?.activate(key, fingerprint).await?;
    Ok(match answer.reason {
        None => Seat::Taken,
        Some(reason) if reason == "too_many_machines" => {
            Seat::AllTaken(machines(server, key).await?)
        }
        Some(reason) => Seat::Refused(reason),
    })
}

/// Each with `machine_id`, `hostname`, `platform`, `activated_at`,
/// `last_seen_at`. The SDK has no call for this.
pub async fn machines(server: &str, key: &str) -> Result<Vec<Value>, Box<dyn Error>> {
    let answer = post(server, "list", json!({ "key": key })).await?;
    Ok(answer["machines"].as_array().cloned().unwrap_or_default())
}

/// Frees the seat of a machine from the list, even if that machine was lost.
pub async fn free(server: &str, key: &str, machine_id: &str) -> Result<(), Box<dyn Error>> {
    let body = json!({ "key": key, "machine_id": machine_id, "reason": "freed by its user" });
    post(server, "deactivate", body).await?;
    Ok(())
}

/// Call this when the application is removed, or the user signs out.
pub async fn leave(server: &str, key: &str, fingerprint: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::new(server)?;
    client.deactivate(key, fingerprint, Some("removed")).await?;
    Ok(())
}

async fn post(server: &str, call: &str, body: Value) -> Result<Value, Box<dyn Error>> {
    let url = format!("{server}/v1/machines/{call}");
    let answer = reqwest::Client::new().post(url).json(&body).send().await?;
    Ok(answer.error_for_status()?.json().await?)
}
