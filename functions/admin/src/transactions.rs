//! `GET /v1/admin/transactions`: JSON Lines or CSV.

use crate::span;
use crate::transfers::{address, amount};
use axum::extract::State;
use axum::response::IntoResponse;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_store::chain::transfer_list::{self, TransactionRecord};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which sales, and in which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TransactionFilter {
    /// `jsonl`, the default: one JSON object a line; or `csv`, with a header line.
    #[param(value_type = Option<String>, pattern = "^(jsonl|csv)?$")]
    format: Option<ExportFormat>,
    /// Nothing before this time; RFC 3339.
    #[param(example = "2026-01-01T00:00:00Z", format = DateTime)]
    from: Option<String>,
    /// Only before this time; RFC 3339.
    #[param(example = "2026-02-01T00:00:00Z", format = DateTime)]
    to: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExportFormat {
    Jsonl,
    Csv,
}

/// A sale. In CSV the members are the columns, in this order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsdcTransaction)]
pub(crate) struct Line {
    /// When the payment was in a block, RFC 3339.
    date: String,
    /// When it was credited, RFC 3339.
    credited_at: String,
    /// UUID of the receipt.
    receipt_id: String,
    /// UUID of the order.
    invoice_id: String,
    /// UUID of the license.
    license_id: String,
    /// Slug of the product.
    product: String,
    /// Slug of the policy; null without one.
    #[schema(required)]
    tier: Option<String>,
    /// EIP-155 id of the chain.
    chain_id: i64,
    /// The transaction.
    tx_hash: String,
    /// The log's number in its block.
    log_index: i64,
    /// The block.
    block_number: i64,
    /// Who paid, with the checksum of EIP-55.
    payer: String,
    /// Micro-units.
    amount_units: i64,
    /// The same in USDC.
    amount_display: String,
}

/// The columns of [`Line::cells`].
const HEAD: &str = "date,credited_at,receipt_id,invoice_id,license_id,product,tier,chain_id,\
                    tx_hash,log_index,block_number,payer,amount_units,amount_display\r\n";

impl Line {
    fn of(sale: TransactionRecord) -> Result<Self, ApiError> {
        Ok(Self {
            date: rfc3339(sale.paid_at),
            credited_at: rfc3339(sale.credited_at),
            receipt_id: sale.receipt_id,
            invoice_id: sale.invoice_id,
            license_id: sale.license_id,
            product: sale.product,
            tier: sale.policy,
            chain_id: sale.chain_id,
            tx_hash: sale.tx_hash,
            log_index: sale.log_index,
            block_number: sale.block,
            payer: address(&sale.payer)?,
            amount_units: sale.amount_units,
            amount_display: amount(sale.amount_units)?,
        })
    }

    /// The line in CSV. No member holds a comma, a quote or a line break: slugs,
    /// ids, numbers and hexadecimal digits are all there is.
    fn csv(&self) -> String {
        let cells = [
            self.date.as_str(),
            &self.credited_at,
            &self.receipt_id,
            &self.invoice_id,
            &self.license_id,
            &self.product,
            self.tier.as_deref().unwrap_or_default(),
            &self.chain_id.to_string(),
            &self.tx_hash,
            &self.log_index.to_string(),
            &self.block_number.to_string(),
            &self.payer,
            &self.amount_units.to_string(),
            &self.amount_display,
        ];
        cells.join(",") + "\r\n"
    }
}

/// Sales in USDC, for the books: every payment that was credited.
///
/// In the order in which they were credited, so that whoever goes on at the address
/// in the `Link` header misses none. `from` and `to` are about `date`.
#[utoipa::path(
    get,
    path = "/v1/admin/transactions",
    operation_id = "listTransactions",
    tag = "records",
    params(TransactionFilter, PageQuery),
    responses(
        (status = 200, description = "The sales, one a line.", content(
            (Line = "application/jsonl"), (String = "text/csv")
        )),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<TransactionFilter>,
) -> Result<impl IntoResponse, ApiError> {
    let span = span::read(list.filter.from.as_ref(), list.filter.to.as_ref())?;
    let is_csv = list.filter.format == Some(ExportFormat::Csv);
    let mut sales = transfer_list::transactions(&database, span, &list.page).await?;
    let next = list.cut(&mut sales, |sale| Position {
        at: sale.credited_at,
        id: sale.license_id.clone(),
    });
    let mut headers = next.headers;
    let (content_type, mut text) = if is_csv {
        ("text/csv; charset=utf-8", HEAD.to_owned())
    } else {
        ("application/jsonl", String::new())
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for sale in sales {
        let line = Line::of(sale)?;
        if is_csv {
            text.push_str(&line.csv());
        } else {
            let json = serde_json::to_string(&line);
            text.push_str(&json.map_err(|error| ApiError::internal(error.to_string()))?);
            text.push('\n');
        }
    }
    Ok((headers, text))
}
