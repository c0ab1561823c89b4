//! The words of the portal, in the two languages of the checkout.

/// A language of the portal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Language {
    German,
    English,
}

/// All words of the page in one language.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) languages: &'static str,
    pub(super) problem: &'static str,
    pub(super) no_answer: &'static str,
    pub(super) no_payment: &'static str,
    pub(super) no_checkout: &'static str,
    pub(super) payment: &'static str,
    pub(super) kassenzeichen: &'static str,
    pub(super) amount: &'static str,
    pub(super) refunded: &'static str,
    pub(super) checkout: &'static str,
    pub(super) deliveries: &'static str,
    pub(super) raw: &'static str,
    pub(super) order: &'static str,
    pub(super) fee: &'static str,
    pub(super) language: &'static str,
    pub(super) pay: &'static str,
}

impl Language {
    /// The language of a tag such as `de` or `en-GB`; English where it is neither.
    pub(super) fn of_tag(tag: &str) -> Self {
        if tag.trim_start().to_ascii_lowercase().starts_with("de") { Self::German } else { Self::English }
    }

    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
        }
    }

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::German => &GERMAN,
            Self::English => &ENGLISH,
        }
    }

    /// An amount in euros as the language writes it; the API gives it as `1234.50`.
    pub(super) fn money(self, decimal: &str) -> String {
        let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "00"));
        let (group, point) = match self {
            Self::German => ('.', ','),
            Self::English => (',', '.'),
        };
        let mut digits = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && whole.len().saturating_sub(index).is_multiple_of(3) {
                digits.push(group);
            }
            digits.push(digit);
        }
        match self {
            Self::German => format!("{digits}{point}{fraction}\u{a0}€"),
            Self::English => format!("€{digits}{point}{fraction}"),
        }
    }

    /// What the state of a payment, as the API names it, means for the citizen.
    pub(super) fn headline(self, state: &str) -> &'static str {
        let (german, english) = match state {
            "open" => ("Noch nicht bezahlt", "Not paid yet"),
            "processing" => ("Ihre Zahlung wird bearbeitet", "Your payment is being processed"),
            "authorised" => ("Ihre Zahlung ist vorgemerkt", "Your payment is reserved"),
            "outcome_unknown" => ("Ihre Zahlung wird noch geprüft", "Your payment is still being checked"),
            "paid" => ("Ihre Zahlung ist angekommen", "Your payment has arrived"),
            "reversed" => ("Ihre Zahlung wurde zurückgebucht", "Your payment was reversed"),
            "cancelled" => ("Die Zahlung wurde abgebrochen", "The payment was cancelled"),
            "expired" => ("Die Zeit zum Bezahlen ist abgelaufen", "The time to pay is over"),
            "failed" => ("Die Zahlung ist nicht zustande gekommen", "The payment did not take place"),
            _ => ("Der Stand Ihrer Zahlung", "Where your payment stands"),
        };
        match self {
            Self::German => german,
            Self::English => english,
        }
    }
}

static GERMAN: Words = Words {
    title: "Vorführ-Portal",
    lead: "Diese Seite spielt den Online-Dienst einer Stadt. Sie legt mit der Schnittstelle von Zahlstelle eine Zahlung \
           an, schickt Sie zum Bezahlen und fragt nach dem Ergebnis, wenn Sie zurückkommen. Es wird kein echtes Geld \
           bewegt.",
    languages: "Sprache der Seite",
    problem: "Das hat nicht geklappt",
    no_answer: "Zahlstelle hat nicht wie erwartet geantwortet. Bitte versuchen Sie es noch einmal.",
    no_payment: "Die Adresse nennt keine Zahlung.",
    no_checkout: "Die Antwort nennt keine Seite zum Bezahlen.",
    payment: "Nummer der Zahlung",
    kassenzeichen: "Kassenzeichen",
    amount: "Betrag",
    refunded: "Davon erstattet",
    checkout: "Die Seite der Zahlung ansehen",
    deliveries: "Geprüfte Benachrichtigungen, die angekommen sind",
    raw: "Was die Schnittstelle antwortet",
    order: "Eine Gebühr bezahlen",
    fee: "Gebühr",
    language: "Sprache der Zahlungsseiten",
    pay: "Weiter zum Bezahlen",
};

static ENGLISH: Words = Words {
    title: "Demonstration portal",
    lead: "This page plays the part of a city's online service. It charges a fee by the API of Zahlstelle, sends you to \
           the checkout, and asks for the result when you come back. No real money moves.",
    languages: "Language of the page",
    problem: "That did not work",
    no_answer: "Zahlstelle did not answer as expected. Please try again.",
    no_payment: "The address names no payment.",
    no_checkout: "The answer has no checkout address.",
    payment: "Number of the payment",
    kassenzeichen: "Kassenzeichen (payment reference)",
    amount: "Amount",
    refunded: "Refunded of it",
    checkout: "Look at the checkout again",
    deliveries: "Verified deliveries that have arrived",
    raw: "What the API says",
    order: "Pay a fee",
    fee: "Fee",
    language: "Language of the payment pages",
    pay: "Go to the checkout",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_in_the_language() {
        assert_eq!(Language::German.money("30.70"), "30,70\u{a0}€");
        assert_eq!(Language::English.money("30.70"), "€30.70");
        assert_eq!(Language::German.money("1234567.00"), "1.234.567,00\u{a0}€");
    }
}
