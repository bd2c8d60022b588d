//! Saving a card and charging it: what is charged once, and what is not known.

use crate::card_shop::CardShop;
use keywright_domain::money::{Currency, Price};
use keywright_ports::{Clock, Outbound};
use keywright_providers::invoice::NewInvoice;
use keywright_providers::zaprite::Account;
use keywright_services::card_charges::{CardAccount, CardCharge, CardFailure};
use keywright_zaprite_double::{API_KEY, Charging, Decline, ORGANIZATION, SecondContact, Zaprite};
use serde_json::json;

struct Cards {
    shop: CardShop,
    account: Account,
    outbound: Outbound,
}

impl Cards {
    async fn open() -> Self {
        let shop = CardShop::open().await;
        let url = shop.zaprite.base_url();
        let (host, _) = shop.bench.shop.function("RENEW");
        Self {
            account: Account::new(url, Some(ORGANIZATION), API_KEY).expect("an account"),
            outbound: host.outbound(&[url]).expect("a way out"),
            shop,
        }
    }

    fn zaprite(&self) -> &Zaprite {
        &self.shop.zaprite
    }

    fn at(&self) -> CardAccount<'_> {
        CardAccount {
            account: &self.account,
            outbound: &self.outbound,
            now: self.shop.bench.clock.unix_seconds(),
        }
    }

    /// Zaprite's id of a new order with this id of ours.
    async fn order(&self, order_id: &str, saves_card_of: Option<&str>) -> String {
        let new = new(order_id, saves_card_of);
        self.at().order(new).await.expect("an order").id
    }

    /// A saved card: its profile's id.
    async fn saved(&self) -> String {
        let contact = self
            .at()
            .contact("ana@example.com")
            .await
            .expect("a contact");
        let there = self.order("first", Some(&contact.id)).await;
        self.zaprite().pay(&there);
        let card = self
            .at()
            .saved_card(&contact.id, "first")
            .await
            .expect("an answer");
        card.expect("a card").id
    }
}

fn new<'a>(order_id: &'a str, saves_card_of: Option<&'a str>) -> NewInvoice<'a> {
    NewInvoice {
        order_id,
        price: Price::new(Currency::Usd, 1_000).expect("a price"),
        description: "Demo",
        buyer_email: None,
        redirect_url: "http://shop.test/thank-you",
        saves_card_of,
    }
}

const CHARGE: &str = "POST /v1/orders/charge";

#[tokio::test]
async fn a_saved_card_is_charged_once() {
    let cards = Cards::open().await;
    let profile = cards.saved().await;
    let there = cards.order("second", None).await;
    // Four calls, as after crashes: the order is looked at first.
    for _ in 0..4 {
        let charged = cards.at().charge(&there, &profile).await;
        assert!(matches!(charged, CardCharge::Settled(_)), "{charged:?}");
    }
    assert_eq!(
        (cards.zaprite().calls(CHARGE), cards.zaprite().charges()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_success_that_is_no_payment_leaves_the_order_open() {
    let cards = Cards::open().await;
    let profile = cards.saved().await;
    cards
        .zaprite()
        .behave(|behavior| behavior.charging = Charging::Pends);
    let there = cards.order("second", None).await;
    let charged = cards.at().charge(&there, &profile).await;
    let CardCharge::Open(order) = charged else {
        panic!("{charged:?}");
    };
    assert!(
        order.checkout_url.ends_with(&there),
        "the buyer's link: {order:?}"
    );
    assert_eq!(cards.zaprite().charges(), 0);
    cards.zaprite().pay(&there);
    assert!(matches!(
        cards.at().look_up(&there).await,
        CardCharge::Settled(_)
    ));
}

#[tokio::test]
async fn a_decline_is_one_in_whatever_words() {
    for (status, word) in [
        (402, "PENDING"),
        (400, "PENDING"),
        (409, "DECLINED"),
        (422, "FAILED"),
    ] {
        let cards = Cards::open().await;
        let profile = cards.saved().await;
        let word = word.to_owned();
        cards.zaprite().behave(|behavior| {
            behavior.charging = Charging::Declines;
            behavior.decline = Decline { status, word };
        });
        let there = cards.order("second", None).await;
        let charged = cards.at().charge(&there, &profile).await;
        let CardCharge::Declined { order, .. } = charged else {
            panic!("{status}: {charged:?}");
        };
        assert_eq!(order.map(|order| order.id), Some(there), "{status}");
    }
    // A decline in a success: an order of an unknown word is not paid.
    let cards = Cards::open().await;
    let profile = cards.saved().await;
    cards.zaprite().behave(|behavior| {
        behavior.charging = Charging::Declines;
        behavior.decline = Decline {
            status: 200,
            word: "DECLINED".to_owned(),
        };
    });
    let there = cards.order("second", None).await;
    let charged = cards.at().charge(&there, &profile).await;
    assert!(matches!(charged, CardCharge::Open(_)), "{charged:?}");
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_read_back() {
    let cards = Cards::open().await;
    let profile = cards.saved().await;
    cards.zaprite().behave(|behavior| behavior.lose_charged = 1);
    let there = cards.order("second", None).await;
    let charged = cards.at().charge(&there, &profile).await;
    assert!(matches!(charged, CardCharge::Settled(_)), "{charged:?}");
    // The order cannot be read back either: nothing is known, and nothing is repeated.
    cards.zaprite().behave(|behavior| {
        behavior.lose_charged = 1;
        // The order, the charge, and reading it back.
        behavior.fail = Some((4, 1, 503));
    });
    let there = cards.order("third", None).await;
    let charged = cards.at().charge(&there, &profile).await;
    assert!(matches!(charged, CardCharge::Unknown(_)), "{charged:?}");
    let looked = cards.at().look_up(&there).await;
    assert!(matches!(looked, CardCharge::Settled(_)), "{looked:?}");
    // Never executed, and its answer is lost: open as far as the order says, and unknown.
    cards
        .zaprite()
        .behave(|behavior| behavior.fail = Some((3, 1, 503)));
    let there = cards.order("fourth", None).await;
    let charged = cards.at().charge(&there, &profile).await;
    assert!(matches!(charged, CardCharge::Unknown(_)), "{charged:?}");
    assert_eq!(
        (cards.zaprite().calls(CHARGE), cards.zaprite().charges()),
        (3, 2)
    );
}

#[tokio::test]
async fn what_cannot_be_read_or_is_over_is_not_charged() {
    let cards = Cards::open().await;
    let profile = cards.saved().await;
    let there = cards.order("second", None).await;
    for status in [401, 404, 500] {
        cards
            .zaprite()
            .behave(|behavior| behavior.fail = Some((0, 1, status)));
        let charged = cards.at().charge(&there, &profile).await;
        assert!(
            matches!(charged, CardCharge::Unknown(_)),
            "{status}: {charged:?}"
        );
    }
    cards
        .zaprite()
        .set(&there, &json!({ "status": "PROCESSING" }));
    let charged = cards.at().charge(&there, &profile).await;
    assert!(matches!(charged, CardCharge::Open(_)), "{charged:?}");
    cards.zaprite().set(&there, &json!({ "status": "EXPIRED" }));
    let charged = cards.at().charge(&there, &profile).await;
    assert!(matches!(charged, CardCharge::Ended(_)), "{charged:?}");
    assert_eq!(cards.zaprite().calls(CHARGE), 0);
}

#[tokio::test]
async fn an_order_is_made_once_and_a_lost_one_is_adopted() {
    let cards = Cards::open().await;
    let first = cards.order("second", None).await;
    assert_eq!(cards.order("second", None).await, first);
    cards.zaprite().behave(|behavior| behavior.lose_created = 1);
    let lost = cards.at().order(new("third", None)).await;
    assert!(matches!(lost, Err(CardFailure::Unknown(_))), "{lost:?}");
    let adopted = cards.order("third", None).await;
    assert_eq!(cards.zaprite().orders().len(), 2);
    assert_eq!(
        cards.zaprite().order("third").expect("an order")["id"],
        adopted
    );
    // While it is not known whether there is one, none is made.
    cards
        .zaprite()
        .behave(|behavior| behavior.fail = Some((0, 1, 503)));
    let unknown = cards.at().order(new("fourth", None)).await;
    assert!(
        matches!(unknown, Err(CardFailure::Unknown(_))),
        "{unknown:?}"
    );
    assert_eq!(cards.zaprite().orders().len(), 2);
}

#[tokio::test]
async fn a_card_may_show_late_and_belongs_to_one_order() {
    let cards = Cards::open().await;
    cards
        .zaprite()
        .behave(|behavior| behavior.profiles_at_once = false);
    let contact = cards
        .at()
        .contact("ana@example.com")
        .await
        .expect("a contact");
    let there = cards.order("first", Some(&contact.id)).await;
    cards.zaprite().pay(&there);
    let card = async |order: &str| {
        cards
            .at()
            .saved_card(&contact.id, order)
            .await
            .expect("an answer")
    };
    assert_eq!(card("first").await, None);
    cards.zaprite().show_profiles();
    assert!(card("first").await.is_some());
    assert_eq!(card("second").await, None);
    assert_eq!(cards.at().saved_card("ct_unknown", "first").await, Ok(None));
    // Nobody agreed to save the card of this one.
    let there = cards.order("second", None).await;
    cards.zaprite().pay(&there);
    cards.zaprite().show_profiles();
    assert_eq!(card("second").await, None);
    for (second, is_same) in [
        (SecondContact::Same, Some(true)),
        (SecondContact::New, Some(false)),
        (SecondContact::Refused, None),
    ] {
        cards
            .zaprite()
            .behave(|behavior| behavior.second_contact = second);
        let again = cards.at().contact("ana@example.com").await;
        assert_eq!(
            again.ok().map(|again| again.id == contact.id),
            is_same,
            "{second:?}"
        );
    }
}
